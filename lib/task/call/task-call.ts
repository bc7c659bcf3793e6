import { AsyncResource } from 'node:async_hooks';
import type { TaskDefinition } from '../definition/task-definition.ts';
import type { AnyFunction, ProviderClass } from '../model/signatures.ts';

/** The name of tasks whose function has no name. */
export const ANONYMOUS = 'anonymous';

/** A method of a provider. The provider is resolved when the task runs. */
export interface ProviderMethod {
  readonly provider: ProviderClass;
  readonly method: string | symbol;
  /** Creates the object for one attempt. Default: the application finds the provider by its class. */
  readonly create?: () => Promise<object>;
}

/** A function with its arguments, its `this` and its async context: all that is needed to call it later. */
export interface TaskCall {
  readonly name: string;
  readonly fn: AnyFunction;
  readonly thisArg: unknown;
  /** Set if `addTask` was given the class of a provider: its method is called instead of `fn`. */
  readonly of?: ProviderMethod;
  readonly args: readonly unknown[];
  /** The steps that must complete first, in a chain or group. */
  readonly before?: Before;
  /** What `defineTask` or `@Task` says about the function. */
  readonly definition: TaskDefinition | undefined;
  /** The async context in which the task was added. */
  readonly scope: AsyncResource;
}

/** The steps before a task. `isGroup`: `previousResult` is the list of their results, not one result. */
export interface Before {
  readonly calls: readonly TaskCall[];
  readonly isGroup: boolean;
}

/** Whether a queue runs it: it names one, or it is a chain or group. */
export function isDurable({ definition, before }: TaskCall): boolean {
  return definition?.queue !== undefined || before !== undefined;
}

/** The same function with other arguments, in the current async context. */
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
  // Not AsyncLocalStorage.snapshot(): on Node 20, it defines a costly accessor at each call.
  return { name, fn, thisArg, args, definition, scope: new AsyncResource('BackgroundTask') };
}
