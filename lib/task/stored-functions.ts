import type { AnyFunction } from './task-call.ts';

/** Functions that were defined with a queue, by their names: a name may have several, which is told when an application starts. */
const functions = new Map<string, Set<AnyFunction>>();

export function defineStoredFunction(name: string, fn: AnyFunction): void {
  functions.set(name, (functions.get(name) ?? new Set()).add(fn));
}

export function storedFunctions(): ReadonlyMap<string, ReadonlySet<AnyFunction>> {
  return functions;
}
