import type { TaskCall } from '../task/call/task-call.ts';
import type { OnFailure, RunOn, TaskOptions } from '../task/definition/task-options.ts';
import type { BackgroundTask } from '../task/handle/background-task.ts';
import type { Cancellation } from './cancellation.ts';

/** Options of a task, filled in with those that every task has. */
export type ResolvedTaskOptions = TaskOptions & { readonly runOn: RunOn; readonly onFailure: OnFailure };

/** A task in a list, with what it takes to run it. The list drops the entry when the task has settled. */
export interface TaskEntry {
  readonly task: BackgroundTask;
  readonly call: TaskCall;
  readonly options: ResolvedTaskOptions;
  /** By `performance.now()`: somebody can set the clock. */
  readonly addedAt: number;
  readonly cancellation: Cancellation;
  /** The list that runs the entry. It shares slots with other lists. */
  owner: TaskOwner;
  /** Whether the owner has begun to run the entry. */
  isTaken: boolean;
  /** Other lists that added the same deduplicated task. If the owner doesn't run it, the first of them does. */
  claimants?: Map<TaskOwner, ResolvedTaskOptions> | undefined;
  /** Of an attempt that a queue gave to this process: hears of progress. The queue makes the next attempt. */
  readonly queue?: { progressed(task: BackgroundTask): void };
}

/** A list, as other lists see it. */
export interface TaskOwner {
  readonly isOpen: boolean;
  /** Takes over an entry of another list. */
  adopt(entry: TaskEntry, options: ResolvedTaskOptions): void;
  /** The options that apply where this list runs the entry. */
  optionsOf(entry: TaskEntry): ResolvedTaskOptions;
}

/** How the request of a list went; `undefined` where there is no request. */
export type Outcome = 'success' | 'failure' | undefined;

/** Whether a task runs after such an outcome. */
export function isWantedAfter(outcome: Outcome, { runOn }: Pick<TaskOptions, 'runOn'>): boolean {
  return outcome === undefined || runOn === 'always' || runOn === outcome;
}
