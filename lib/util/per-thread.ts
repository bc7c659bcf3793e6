/**
 * A value of which there is one in each thread, however many copies of this package are loaded there: the one that an
 * application has, the one that a library brought along, the one that a test runner loaded anew.
 */
export function perThread<T>(name: string, create: () => T): T {
  const key = Symbol.for(`nestjs-background-tasks.${name}`);
  const shared = globalThis as unknown as Record<symbol, T | undefined>;
  return (shared[key] ??= create());
}
