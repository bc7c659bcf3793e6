import { AsyncResource } from 'node:async_hooks';
import type { TaskDefinition } from '../definition/task-definition.ts';
import type { AnyFunction, ProviderClass } from '../model/signatures.ts';

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

/** The same function with other arguments, as it would be called here and now. */
export function withArguments({ name, fn, thisArg, of, definition }: TaskCall, args: readonly unknown[]): TaskCall {
  const call = taskCall(name, fn, thisArg, args, definition);
  return of ? { ...call, of } : call;
}

export function taskCall(
  name: string,
  fn: AnyFunction,
  thisArg: unknown,
  args: readonly unknown[],
  definition: TaskDefinition | undefined,
): TaskCall {
  // AsyncLocalStorage.snapshot() would do, but defines a costly accessor at each call on Node 20.
  return { name, fn, thisArg, args, definition, scope: new AsyncResource('BackgroundTask') };
}

/** What has to be done before a task, and whether it is handed one result or a list. */
export interface Before {
  readonly calls: readonly TaskCall[];
  readonly isGroup: boolean;
}
