import { types } from 'node:util';
import { TaskArgumentError } from '../../errors/task.errors.ts';
import { classNameOf, functionName, kindOf, read } from '../../util/inspect.ts';
import { decoratedDefinitionOf, definitionOf, methodDefinitionOf } from '../definition/task-definition.ts';
import type { AnyFunction, ProviderClass } from '../model/signatures.ts';
import {
  classAsTask,
  generatorAsTask,
  methodItself,
  methodNotNamed,
  noSuchMethod,
  notATask,
  promiseAsTask,
} from '../task.messages.ts';
import { isFlow } from './flow.ts';
import { ANONYMOUS, type TaskCall, taskCall } from './task-call.ts';

/** `Function.prototype.bind` puts this before the name. */
const BOUND = 'bound ';

/** What a misspelled name of a method looks like. Any other string is more likely an argument of the task. */
const IDENTIFIER = /^[\p{L}_$][\p{L}\p{N}_$]*$/u;

/**
 * Reads the arguments of `addTask`, `start` and `step`: `(fn, ...args)`, `(target, 'method', ...args)`,
 * `(ProviderClass, 'method', ...args)` or `(flow)`.
 *
 * @param caller the function that the user called, for the message: `addTask`
 * @throws TaskArgumentError if there is nothing to call
 */
export function readTaskCall(caller: string, given: readonly unknown[]): TaskCall {
  const [first, method] = given;
  if (isFlow(first)) {
    return first.call;
  }
  if (typeof first === 'function' && !isClass(first)) {
    if (types.isGeneratorFunction(first)) {
      throw new TaskArgumentError(generatorAsTask(caller, kindOf(first)));
    }
    const definition = definitionOf(first);
    // A bound method has its object, even if something copied the metadata to it.
    if (!definition && decoratedDefinitionOf(first) && !functionName(first)?.startsWith(BOUND)) {
      throw new TaskArgumentError(methodItself(caller, nameOf(first)));
    }
    return taskCall(definition?.name ?? nameOf(first), first as AnyFunction, undefined, given.slice(1), definition);
  }
  if ((typeof first !== 'object' && typeof first !== 'function') || first === null) {
    throw new TaskArgumentError(notATask(caller, kindOf(first)));
  }
  const className = classNameOf(first);
  if (method === undefined) {
    if (typeof first === 'function') {
      throw new TaskArgumentError(classAsTask(caller, className));
    }
    throw new TaskArgumentError(isThenable(first) ? promiseAsTask(caller) : notATask(caller, kindOf(first)));
  }
  if (typeof method !== 'string' && typeof method !== 'symbol') {
    throw new TaskArgumentError(methodNotNamed(caller, className, kindOf(method)));
  }
  const own = read(first, method);
  // The prototype doesn't have abstract methods and functions in properties, so a missing method is checked later.
  const isOfProvider = typeof own !== 'function' && isClass(first);
  const fn = isOfProvider ? read((first as ProviderClass).prototype, method) : own;
  if (typeof fn !== 'function' && !(isOfProvider && fn === undefined)) {
    // A caller who forgets the method passes an argument in its place. Messages never show arguments.
    if (typeof method === 'string' && !IDENTIFIER.test(method)) {
      throw new TaskArgumentError(methodNotNamed(caller, className, 'a string that is not a name'));
    }
    throw new TaskArgumentError(noSuchMethod(caller, className, String(method), kindOf(fn), methodsOf(first)));
  }
  if (types.isGeneratorFunction(fn)) {
    throw new TaskArgumentError(generatorAsTask(caller, kindOf(fn)));
  }
  const definition = fn && methodDefinitionOf(fn);
  const name = definition?.name ?? `${className}.${String(method)}`;
  const call = taskCall(name, (fn ?? first) as AnyFunction, first, given.slice(2), definition);
  return isOfProvider ? { ...call, of: { provider: first as ProviderClass, method } } : call;
}

function isThenable(value: object): boolean {
  return typeof read(value, 'then') === 'function';
}

/** Whether a function is a class, which can't be called without `new`. */
function isClass(fn: object): boolean {
  return Object.hasOwn(fn, 'prototype') && Object.getOwnPropertyDescriptor(fn, 'prototype')?.writable === false;
}

function nameOf(fn: object): string {
  const name = functionName(fn) ?? ANONYMOUS;
  return name.startsWith(BOUND) ? name.slice(BOUND.length) : name;
}

/** The names of an object's methods, with those that it inherits. */
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
