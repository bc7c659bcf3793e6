import type { TaskCancelledError } from '../errors/task.errors.ts';
import type { TaskCall } from '../task/call/task-call.ts';
import type { OnFailure, RunOn, TaskOptions } from '../task/definition/task-options.ts';
import type { BackgroundTask } from '../task/handle/background-task.ts';
import { Cancellation } from './cancellation.ts';

/** Options of a task, filled in with those that every task has. */
export type ResolvedTaskOptions = TaskOptions & { readonly runOn: RunOn; readonly onFailure: OnFailure };

/**
 * A task in a list, with what it takes to run it. The list drops the entry when the task has settled. A class, because
 * all entries then have one shape: literals with spreads made each task twice as expensive.
 */
export class TaskEntry {
  /** By `performance.now()`: somebody can set the clock. */
  readonly addedAt = performance.now();
  readonly cancellation: Cancellation<TaskEntry>;
  /** Whether the owner has begun to run the entry. */
  isTaken = false;
  /** Other lists that added the same deduplicated task. If the owner doesn't run it, the first of them does. */
  claimants: Map<TaskOwner, ResolvedTaskOptions> | undefined;

  constructor(
    readonly task: BackgroundTask,
    readonly call: TaskCall,
    readonly options: ResolvedTaskOptions,
    /** The list that runs the entry. It shares slots with other lists. */
    public owner: TaskOwner,
    stop: (entry: TaskEntry, error: TaskCancelledError) => void,
    /** Of an attempt that a queue gave to this process: hears of progress. The queue makes the next attempt. */
    readonly queue?: { progressed(task: BackgroundTask): void },
  ) {
    this.cancellation = new Cancellation<TaskEntry>(task, this, stop);
  }
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
