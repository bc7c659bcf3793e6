import type { TaskCancelledError } from '../errors/task.errors.ts';
import type { AttemptObserver } from '../execution/attempt.ts';
import type { TaskCall } from '../task/call/task-call.ts';
import type { Execution, OnFailure, RunOn, TaskOptions } from '../task/definition/task-options.ts';
import type { BackgroundTask } from '../task/handle/background-task.ts';
import { type TaskTime, taskTime } from '../util/timers.ts';
import { Cancellation } from './cancellation.ts';

/** Options of a task, merged with the application's defaults, so that those of the module are always set. */
export type ResolvedTaskOptions = TaskOptions & {
  readonly execution: Execution;
  readonly runOn: RunOn;
  readonly onFailure: OnFailure;
};

/**
 * A task in a list, with all that running it needs. The list drops the entry when the task has settled. A class, so that
 * all entries have one shape: object literals with spreads made each task twice as expensive.
 */
export class TaskEntry {
  /** Only of a task that may wait for a delay: to read the clock costs a short task 2 %. */
  readonly addedAt: TaskTime | undefined;
  readonly cancellation: Cancellation<TaskEntry>;
  /** Whether the owner has begun to run the entry. */
  isTaken = false;
  /** Other lists that added the same deduplicated task. If the owner skips it, the first of them takes it over. */
  claimants: Map<TaskOwner, ResolvedTaskOptions> | undefined;

  constructor(
    readonly task: BackgroundTask,
    readonly call: TaskCall,
    readonly options: ResolvedTaskOptions,
    /** The list that runs the entry. `FairSlots` lets owners take turns. */
    public owner: TaskOwner,
    stop: (entry: TaskEntry, error: TaskCancelledError) => void,
    /** Set for an attempt that a queue gave to this process. The queue, not the lifecycle, makes the next attempt. */
    readonly queue?: AttemptObserver,
  ) {
    this.addedAt = options.delay || options.deduplication ? taskTime() : undefined;
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

/** How the request of a list ended. `undefined` for a list without a request. */
export type Outcome = 'success' | 'failure' | undefined;

/** Whether a task with this `runOn` runs after this outcome. */
export function isWantedAfter(outcome: Outcome, { runOn }: Pick<TaskOptions, 'runOn'>): boolean {
  return outcome === undefined || runOn === 'always' || runOn === outcome;
}
