/*
 * Finds the methods with `@Task` of everything that Nest holds: providers of each kind, controllers, guards, pipes,
 * interceptors and filters. If the application has one object, this file reads the methods of the object, because a factory
 * has no class. If Nest creates an object for each request or task, it reads those of the class, or of the class that is the
 * token.
 */
import { ContextIdFactory, ModuleRef, type ModulesContainer } from '@nestjs/core';
import { DefineTaskError } from '../errors/task.errors.ts';
import { type TaskCall, taskCall } from '../task/call/task-call.ts';
import { decoratedMethods, methodDefinitionOf, type TaskDefinition } from '../task/definition/task-definition.ts';
import type { AnyFunction, ProviderClass } from '../task/model/signatures.ts';
import { classNameOf, read } from '../util/inspect.ts';
import { decoratorLost, mixinWithoutName } from './durable.messages.ts';

type NestModule = Exclude<ReturnType<ModulesContainer['get']>, undefined>;
type Wrapper = Exclude<ReturnType<NestModule['providers']['get']>, undefined>;

/** A durable method that Nest holds. */
export interface ProviderTask {
  readonly name: string;
  /** The second name of a task whose token is another class than that of its object: `Token.method`. */
  readonly alias: string | undefined;
  readonly definition: TaskDefinition;
  /** The class and method, for messages. */
  readonly owner: string;
  /** The module and the token, for messages. */
  readonly place: string;
  /** The one object that has the method; `undefined` if each attempt gets an object of its own. */
  readonly object: () => object | undefined;
  readonly call: (args: readonly unknown[]) => TaskCall;
}

/** @throws DefineTaskError if a decorator has put another function in the place of a method with `@Task` */
export function* providerTasks(modules: ModulesContainer): Generator<ProviderTask> {
  const seen = new Set<unknown>();
  for (const module of modules.values()) {
    for (const held of [module.controllers, module.providers, module.injectables]) {
      for (const wrapper of held.values() as Iterable<Wrapper>) {
        const holder = holderOf(wrapper);
        // `useExisting` holds the same object under another token.
        if (holder && !seen.has(holder)) {
          if (isShared(wrapper)) {
            seen.add(holder);
          }
          yield* tasksOf(holder, wrapper, module);
          yield* staticTasksOf(holder, module, seen);
        }
      }
    }
  }
}

/** The object with the methods, or the prototype of the objects that Nest will create. */
function holderOf(wrapper: Wrapper): object | undefined {
  const { instance, metatype, token } = wrapper as { instance: unknown; metatype: unknown; token: unknown };
  if (isShared(wrapper)) {
    return typeof instance === 'object' && instance !== null ? instance : undefined;
  }
  const type = [wrapper.isNotMetatype ? undefined : metatype, token].find(isClass);
  return type?.prototype as object | undefined;
}

/** Whether the application has one object of a provider. Nest corrects its answer while it loads what a class depends on. */
function isShared(wrapper: Wrapper): boolean {
  return !wrapper.isTransient && wrapper.isDependencyTreeStatic();
}

function isClass(value: unknown): value is ProviderClass {
  return typeof value === 'function' && typeof value.prototype === 'object' && value.prototype !== null;
}

function* tasksOf(holder: object, wrapper: Wrapper, module: NestModule): Generator<ProviderTask> {
  const className = classNameOf(holder);
  const token = wrapper.token as unknown;
  assertDecorated(holder, className);
  const place = `${module.name} (${typeof token === 'function' ? classNameOf(token) : String(token)})`;
  for (const [method, definition] of durableMethodsOf(holder)) {
    const owner = `${className}.${String(method)}`;
    assertStableName(className, method, definition);
    const name = definition.name ?? owner;
    const isAliased = definition.name === undefined && isClass(token) && token !== read(holder, 'constructor');
    yield {
      name,
      alias: isAliased ? `${token.name}.${String(method)}` : undefined,
      definition,
      owner,
      place,
      object: () => (isShared(wrapper) ? (wrapper.instance as object) : undefined),
      call: (args) => callOf(name, wrapper, module, method, definition, args),
    };
  }
}

/** The static methods of the class. They need no object, so it may be provided twice. */
function* staticTasksOf(holder: object, module: NestModule, seen: Set<unknown>): Generator<ProviderTask> {
  const type = read(holder, 'constructor');
  if (typeof type === 'function' && !seen.has(type)) {
    seen.add(type);
    assertDecorated(type, classNameOf(type));
    for (const [method, definition] of durableMethodsOf(type)) {
      const owner = `${classNameOf(type)}.${String(method)}`;
      assertStableName(classNameOf(type), method, definition);
      const name = definition.name ?? owner;
      const call = (args: readonly unknown[]) => callOn(type, name, method, definition, args);
      yield { name, alias: undefined, definition, owner, place: module.name, object: () => type, call };
    }
  }
}

function callOf(
  name: string,
  wrapper: Wrapper,
  module: NestModule,
  method: PropertyKey,
  definition: TaskDefinition,
  args: readonly unknown[],
): TaskCall {
  if (isShared(wrapper)) {
    return callOn(wrapper.instance as object, name, method, definition, args);
  }
  const provider = wrapper.token as ProviderClass;
  // Of this module: other modules may have something else under the same token.
  const { instance: moduleRef } = module.getProviderByKey<ModuleRef>(ModuleRef);
  const create = () => moduleRef.resolve<object>(provider, ContextIdFactory.create());
  const of = { provider, method: method as string | symbol, create };
  return { ...taskCall(name, unbound, undefined, args, definition), of };
}

function callOn(
  target: object,
  name: string,
  method: PropertyKey,
  definition: TaskDefinition,
  args: readonly unknown[],
): TaskCall {
  // Read at each call: a test may have put a spy in the place of the method.
  return taskCall(name, read(target, method) as AnyFunction, target, args, definition);
}

/** Stands for the method of an object that does not exist yet. */
function unbound(): never {
  throw new TypeError('The method of a provider is called on its object.');
}

/** The methods of an object or class with a queue, also those that it inherits. The nearest one of a name counts. */
function* durableMethodsOf(target: object): Generator<[PropertyKey, TaskDefinition]> {
  const seen = new Set<PropertyKey>();
  for (const holder of chainOf(target)) {
    for (const key of Reflect.ownKeys(holder)) {
      const method: unknown = Object.getOwnPropertyDescriptor(holder, key)?.value;
      if (typeof method === 'function' && !seen.has(key)) {
        seen.add(key);
        const definition = methodDefinitionOf(method);
        if (definition?.queue !== undefined) {
          yield [key, definition];
        }
      }
    }
  }
}

/** @throws DefineTaskError */
function assertDecorated(target: object, className: string): void {
  for (const holder of chainOf(target)) {
    for (const key of decoratedMethods(holder)) {
      // An object may have its own function in the place of the method: `this.send = this.send.bind(this)`.
      for (const place of holder === target ? [holder] : [holder, target]) {
        const property = Object.getOwnPropertyDescriptor(place, key);
        const isLost =
          property && !(typeof property.value === 'function' && methodDefinitionOf(property.value as object));
        if (isLost) {
          throw new DefineTaskError(decoratorLost(className, String(key)));
        }
      }
      // A proxy can return another function. A method that a subclass replaces belongs to the subclass.
      const found = read(target, key);
      const isNearest = holder === [...chainOf(target)].find((it) => Object.hasOwn(it, key));
      if (isNearest && !(typeof found === 'function' && methodDefinitionOf(found))) {
        throw new DefineTaskError(decoratorLost(className, String(key)));
      }
    }
  }
}

/** A random name, as `mixin()` of Nest gives to a class: another one in each process. */
const MIXIN = /^[\da-f]{21}$/;

/** @throws DefineTaskError if other processes can't know the task by its name */
function assertStableName(className: string, method: PropertyKey, { name }: TaskDefinition): void {
  if (name === undefined && MIXIN.test(className)) {
    throw new DefineTaskError(mixinWithoutName(String(method)));
  }
}

function* chainOf(target: object): Generator<object> {
  let holder: object | null = target;
  while (holder && holder !== Object.prototype && holder !== Function.prototype) {
    yield holder;
    holder = Object.getPrototypeOf(holder) as object | null;
  }
}
