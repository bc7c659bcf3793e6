import type { AnyFunction } from '../model/signatures.ts';
import type { Repeat } from './repeat.ts';
import type { TaskOptions } from './task-options.ts';

export interface ThreadDefinition {
  /** The URL of the module that defines it. */
  readonly module: string;
  readonly name: string;
}

/** What `defineTask` or `@Task` knows of a function. */
export interface TaskDefinition {
  /** None of a method whose name is that of whichever class has it. */
  readonly name: string | undefined;
  /** How a thread finds it, where it is to run in one. */
  readonly thread: ThreadDefinition | undefined;
  /** The name of the queue in which it is stored, if it is. */
  readonly queue?: string | undefined;
  /** When it runs by itself. */
  readonly repeat?: Repeat | undefined;
  readonly options: TaskOptions;
}

/** Registered, so that a task is known as one whichever copy of this package defined it. */
const key = Symbol.for('nestjs-background-tasks.definition');

type Defined = { [key]?: TaskDefinition };

export function attachDefinition(fn: object, definition: TaskDefinition): void {
  (fn as Defined)[key] = definition;
}

/** As metadata, which is what other decorators that put a function around a method take over from it. */
export function attachMethodDefinition(method: object, definition: TaskDefinition): void {
  Reflect.defineMetadata(key, definition, method);
}

export function definitionOf(fn: object): TaskDefinition | undefined {
  return (fn as Defined)[key];
}

export function methodDefinitionOf(method: object): TaskDefinition | undefined {
  return definitionOf(method) ?? (Reflect.getOwnMetadata(key, method) as TaskDefinition | undefined);
}

/** Functions that were defined with a queue, by their names: a name may have several, which is told when an application starts. */
const functions = new Map<string, Set<AnyFunction>>();

export function defineStoredFunction(name: string, fn: AnyFunction): void {
  functions.set(name, (functions.get(name) ?? new Set()).add(fn));
}

export function storedFunctions(): ReadonlyMap<string, ReadonlySet<AnyFunction>> {
  return functions;
}
