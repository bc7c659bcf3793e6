import { AsyncResource } from 'node:async_hooks';
import { types } from 'node:util';
import type { Observable } from 'rxjs';
import { classNameOf, describe, functionName, read } from '../errors/describe.ts';
import { TaskArgumentError } from '../errors/task-argument.error.ts';
import { isFlow, type Before } from './flow.ts';
import { definitionOf, methodDefinitionOf, type TaskDefinition } from './task-definition.ts';
import { classAsTask, generatorAsTask, methodNotNamed, noSuchMethod, notATask, promiseAsTask } from '../messages.ts';

/** Any function; `any`, since a function's parameters can't be assigned from `unknown`. */
// oxlint-disable-next-line typescript/no-explicit-any
export type AnyFunction = (...args: any[]) => unknown;

/** The names of the methods of `T`. */
export type MethodName<T> = { [K in keyof T]-?: T[K] extends AnyFunction ? K : never }[keyof T] & (string | symbol);

/** An object with methods: a function counts as a task of its own, even one that has methods, and a class as an object. */
export type TaskTarget<T> = T extends AnyFunction ? never : T;

/** The class of a provider: what Nest is asked for. */
export type ProviderClass<T = object> = abstract new (...args: never[]) => T;

/** What is passed to `F`. */
export type ArgumentsOf<F> = F extends (...args: infer A) => unknown ? A : never;

/** What `F` results in as a task: what its promise resolves to, or what its Observable emits last. */
export type TaskResult<F> = F extends (...args: never[]) => infer R
  ? Awaited<R> extends Observable<infer T>
    ? T | undefined
    : Awaited<R>
  : never;

/** What `bind` puts before a name. */
const BOUND = 'bound ';

/** How a function is called that has no name. */
export const ANONYMOUS = 'anonymous';

/** A method of a provider that is looked for when the task runs. */
export interface ProviderMethod {
  readonly provider: ProviderClass;
  readonly method: string | symbol;
}

/** A function with all that it needs to be called later as it would have been called here and now. */
export interface TaskCall {
  readonly name: string;
  readonly fn: AnyFunction;
  readonly thisArg: unknown;
  /** Whose method is called instead, where it is a class that was given. */
  readonly of?: ProviderMethod;
  readonly args: readonly unknown[];
  /** What has to be done before, in a queue. */
  readonly before?: Before;
  /** What `defineTask` or `@Task` knows of the function. */
  readonly definition: TaskDefinition | undefined;
  /** The async context of the place that added the task. */
  readonly scope: AsyncResource;
}

/**
 * Reads the arguments of `addTask` and `start`: `(fn, ...args)`, `(target, 'method', ...args)`, or the same with the class of
 * a provider as its target.
 *
 * @param caller what was called, for the message: `addTask`
 * @throws TaskArgumentError if there is nothing to call
 */
export function readTaskCall(caller: string, [first, ...rest]: readonly unknown[]): TaskCall {
  if (isFlow(first)) {
    return first.call;
  }
  if (typeof first === 'function' && !isClass(first)) {
    if (types.isGeneratorFunction(first)) {
      throw new TaskArgumentError(generatorAsTask(caller, describe(first)));
    }
    const definition = definitionOf(first);
    return taskCall(definition?.name ?? nameOf(first), first as AnyFunction, undefined, rest, definition);
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
  const own = read(first, method);
  // Of the objects of a class, some methods are known only once there is one: abstract ones, and functions in properties.
  const isOfProvider = typeof own !== 'function' && isClass(first);
  const fn = isOfProvider ? read((first as ProviderClass).prototype, method) : own;
  if (typeof fn !== 'function' && !(isOfProvider && fn === undefined)) {
    throw new TaskArgumentError(noSuchMethod(caller, className, String(method), describe(fn), methodsOf(first)));
  }
  if (types.isGeneratorFunction(fn)) {
    throw new TaskArgumentError(generatorAsTask(caller, describe(fn)));
  }
  const definition = fn && methodDefinitionOf(fn);
  const name = definition?.name ?? `${className}.${String(method)}`;
  const call = taskCall(name, (fn ?? first) as AnyFunction, first, args, definition);
  return isOfProvider ? { ...call, of: { provider: first as ProviderClass, method } } : call;
}

/** The same function with other arguments, as it would be called here and now. */
export function withArguments({ name, fn, thisArg, of, definition }: TaskCall, args: readonly unknown[]): TaskCall {
  const call = taskCall(name, fn, thisArg, args, definition);
  return of ? { ...call, of } : call;
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
  return Object.hasOwn(fn, 'prototype') && Object.getOwnPropertyDescriptor(fn, 'prototype')?.writable === false;
}

function nameOf(fn: object): string {
  const name = functionName(fn) ?? ANONYMOUS;
  return name.startsWith(BOUND) ? name.slice(BOUND.length) : name;
}

/** The names of its methods: its own, and those that it inherits. */
export function methodsOf(target: object): string[] {
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
