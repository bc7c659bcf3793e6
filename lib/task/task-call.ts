import { AsyncResource } from 'node:async_hooks';
import { types } from 'node:util';
import type { Observable } from 'rxjs';
import { classNameOf, describe, functionName, read } from '../errors/describe.ts';
import { TaskArgumentError } from '../errors/task-argument.error.ts';
import { definitionOf, type TaskDefinition } from './task-definition.ts';
import { classAsTask, generatorAsTask, methodNotNamed, noSuchMethod, notATask, promiseAsTask } from '../messages.ts';

/** Any function; `any`, since a function's parameters can't be assigned from `unknown`. */
// oxlint-disable-next-line typescript/no-explicit-any
export type AnyFunction = (...args: any[]) => unknown;

/** The names of the methods of `T`. */
export type MethodName<T> = { [K in keyof T]-?: T[K] extends AnyFunction ? K : never }[keyof T] & (string | symbol);

/** An object with methods: a function counts as a task of its own, even one that has methods, and a class as an object. */
export type TaskTarget<T> = T extends AnyFunction ? never : T;

/** What is passed to `F`. */
export type ArgumentsOf<F> = F extends (...args: infer A) => unknown ? A : never;

/** What `F` results in as a task: what its promise resolves to, or what its Observable emits last. */
export type TaskResult<F> = F extends (...args: never[]) => infer R
  ? Awaited<R> extends Observable<infer T>
    ? T | undefined
    : Awaited<R>
  : never;

/** How a function is called that has no name. */
export const ANONYMOUS = 'anonymous';

/** A function with all that it needs to be called later as it would have been called here and now. */
export interface TaskCall {
  readonly name: string;
  readonly fn: AnyFunction;
  readonly thisArg: unknown;
  readonly args: readonly unknown[];
  /** What `defineTask` knows of the function, if it made it. */
  readonly definition: TaskDefinition | undefined;
  /** The async context of the place that added the task. */
  readonly scope: AsyncResource;
}

/**
 * Reads the arguments of `addTask` and `start`: `(fn, ...args)` or `(target, 'method', ...args)`.
 *
 * @param caller what was called, for the message: `addTask`
 * @throws TaskArgumentError if there is nothing to call
 */
export function readTaskCall(caller: string, [first, ...rest]: readonly unknown[]): TaskCall {
  if (typeof first === 'function' && !isClass(first)) {
    if (types.isGeneratorFunction(first)) {
      throw new TaskArgumentError(generatorAsTask(caller, describe(first)));
    }
    const definition = definitionOf(first);
    const name = definition?.name ?? functionName(first)?.replace(/^bound /, '') ?? ANONYMOUS;
    return taskCall(name, first as AnyFunction, undefined, rest, definition);
  }
  if ((typeof first !== 'object' && typeof first !== 'function') || first === null) {
    throw new TaskArgumentError(notATask(caller, describe(first)));
  }
  const [method, ...args] = rest;
  const className = classNameOf(first);
  if (method === undefined) {
    if (typeof first === 'function') {
      throw new TaskArgumentError(classAsTask(caller, className));
    }
    throw new TaskArgumentError(isThenable(first) ? promiseAsTask(caller) : notATask(caller, describe(first)));
  }
  if (typeof method !== 'string' && typeof method !== 'symbol') {
    throw new TaskArgumentError(methodNotNamed(caller, className, describe(method)));
  }
  const fn = read(first, method);
  if (typeof fn !== 'function') {
    throw new TaskArgumentError(noSuchMethod(caller, className, String(method), describe(fn), methodsOf(first)));
  }
  return taskCall(`${className}.${String(method)}`, fn as AnyFunction, first, args, definitionOf(fn));
}

function taskCall(
  name: string,
  fn: AnyFunction,
  thisArg: unknown,
  args: readonly unknown[],
  definition: TaskDefinition | undefined,
): TaskCall {
  // AsyncLocalStorage.snapshot() would do, but defines a costly accessor at each call on Node 20.
  return { name, fn, thisArg, args, definition, scope: new AsyncResource('BackgroundTask') };
}

function isThenable(value: object): boolean {
  return typeof read(value, 'then') === 'function';
}

/** A class can't be called, so where one comes first it is the target of a static method. */
function isClass(fn: object): boolean {
  return Object.getOwnPropertyDescriptor(fn, 'prototype')?.writable === false;
}

function methodsOf(target: object): string[] {
  const names = new Set<string>();
  for (let holder = target; holder && !isBuiltIn(holder); holder = Object.getPrototypeOf(holder) as object) {
    for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(holder))) {
      if (typeof property.value === 'function' && name !== 'constructor') {
        names.add(name);
      }
    }
  }
  return [...names];
}

function isBuiltIn(holder: object): boolean {
  return holder === Object.prototype || holder === Function.prototype;
}
