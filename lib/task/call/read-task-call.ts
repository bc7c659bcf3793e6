import { types } from 'node:util';
import { TaskArgumentError } from '../../errors/task.errors.ts';
import { classNameOf, describe, functionName, read } from '../../util/inspect.ts';
import { definitionOf, methodDefinitionOf } from '../definition/task-definition.ts';
import type { AnyFunction, ProviderClass } from '../model/signatures.ts';
import {
  classAsTask,
  generatorAsTask,
  methodNotNamed,
  noSuchMethod,
  notATask,
  promiseAsTask,
} from '../task.messages.ts';
import { isFlow } from './flow.ts';
import { ANONYMOUS, type TaskCall, taskCall } from './task-call.ts';

/** What `bind` puts before a name. */
const BOUND = 'bound ';

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
