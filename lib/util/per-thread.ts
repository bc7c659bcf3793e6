/**
 * Returns a value that exists once in each thread, and creates it the first time. Several copies of this package can be
 * loaded in a thread: by the application, by a library, by a test runner. They all share the value.
 */
export function perThread<T>(name: string, create: () => T): T {
  const key = Symbol.for(`nestjs-background-tasks.${name}`);
  const shared = globalThis as unknown as Record<symbol, T | undefined>;
  return (shared[key] ??= create());
}
