import { perThread } from '../../util/per-thread.ts';
import type { Repeat } from './repeat.ts';
import type { TaskOptions } from './task-options.ts';

/** How a thread finds a task. */
export interface ThreadDefinition {
  /** The URL of the file that defines the task. */
  readonly module: string;
  readonly name: string;
}

/** What `defineTask` or `@Task` says about a function. */
export interface TaskDefinition {
  /** `undefined` for a method without the option `name`: the class of the object gives it its name, `Class.method`. */
  readonly name: string | undefined;
  /** Set if the task runs in a thread. */
  readonly thread: ThreadDefinition | undefined;
  /** The queue of a durable task. */
  readonly queue?: string | undefined;
  /** When a durable task repeats. */
  readonly repeat?: Repeat | undefined;
  readonly options: TaskOptions;
}

/** A registered symbol, so that all copies of this package see the definitions of the others. */
const key = Symbol.for('nestjs-background-tasks.definition');

type Defined = { [key]?: TaskDefinition };

export function attachDefinition(fn: object, definition: TaskDefinition): void {
  (fn as Defined)[key] = definition;
}

/** Attaches it as metadata: decorators that wrap a method copy its metadata to the wrapper. */
export function attachMethodDefinition(method: object, definition: TaskDefinition): void {
  Reflect.defineMetadata(key, definition, method);
}

export function definitionOf(fn: object): TaskDefinition | undefined {
  return (fn as Defined)[key];
}

export function methodDefinitionOf(method: object): TaskDefinition | undefined {
  return definitionOf(method) ?? decoratedDefinitionOf(method);
}

/** What `@Task` says about a method. */
export function decoratedDefinitionOf(method: object): TaskDefinition | undefined {
  return Reflect.getOwnMetadata(key, method) as TaskDefinition | undefined;
}

/** By class or prototype: the members that `@Task` has decorated. */
const decorated = perThread('decoratedMethods', () => new WeakMap<object, Set<PropertyKey>>());

const NONE: ReadonlySet<PropertyKey> = new Set();

export function noteDecorated(holder: object, member: PropertyKey): void {
  decorated.set(holder, (decorated.get(holder) ?? new Set()).add(member));
}

/** The members of a class or prototype that `@Task` has decorated, even if other decorators have replaced them. */
export function decoratedMethods(holder: object): ReadonlySet<PropertyKey> {
  return decorated.get(holder) ?? NONE;
}
