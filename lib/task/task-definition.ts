import type { TaskOptions } from './task-options.ts';

/** What `defineTask` knows of a function. */
export interface TaskDefinition {
  readonly name: string;
  /** The URL of the module that defines it, where it is to run in a thread. */
  readonly module: string | undefined;
  readonly options: TaskOptions;
}

/** Registered, so that a task is known as one whichever copy of this package defined it. */
const key = Symbol.for('nestjs-background-tasks.definition');

type Defined = { [key]?: TaskDefinition };

export function attachDefinition(fn: object, definition: TaskDefinition): void {
  (fn as Defined)[key] = definition;
}

export function definitionOf(fn: object): TaskDefinition | undefined {
  return (fn as Defined)[key];
}
