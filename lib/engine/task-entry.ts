import { type CancelReason, TaskCancelledError } from '../errors/task.errors.ts';
import type { Attempt, AttemptListener, AttemptObserver } from '../execution/attempt.ts';
import type { TaskCall } from '../task/call/task-call.ts';
import type { Execution, OnFailure, RunOn, TaskOptions } from '../task/definition/task-options.ts';
import type { BackgroundTask, Canceller } from '../task/handle/background-task.ts';
import { type TaskTime, taskTime } from '../util/timers.ts';
import type { RequestOrigin } from '../task/model/task-route.ts';

/** Options of a task, merged with the application's defaults, so that those of the module are always set. */
export type ResolvedTaskOptions = TaskOptions & {
  readonly execution: Execution;
  readonly runOn: RunOn;
  readonly onFailure: OnFailure;
};

/**
 * A task in a list, with everything that is needed to run it. The list drops the entry when the task has settled. The entry
 * decides what `cancel()` does to the task, by its state:
 *
 * | state     | entered when                                  | what `cancel()` does                                    |
 * | --------- | --------------------------------------------- | ------------------------------------------------------- |
 * | `waiting` | the task waits for its turn, a slot, a delay  | ends the wait; the task is `cancelled` at once          |
 * | `running` | an attempt starts                             | aborts the attempt; then the task is `cancelled`        |
 * | `over`    | the task is cancelled, or back in its queue   | nothing                                                 |
 *
 * The handle of a settled task no longer calls this class. One class for all of it: each further object costs a short task
 * several percent.
 */
export class TaskEntry implements Canceller, AttemptListener {
  /** Only for a task that may wait for a delay: reading the clock costs a short task 2 %. */
  readonly addedAt: TaskTime | undefined;
  /** Whether the owner has begun to run the entry. */
  isTaken = false;
  /** Other lists that added the same deduplicated task. If the owner skips it, the first of them takes it over. */
  claimants: Map<TaskOwner, ResolvedTaskOptions> | undefined = undefined;
  #state: 'waiting' | 'running' | 'over' = 'waiting';
  /** Read only in `waiting`. */
  #leave: (() => void) | undefined = undefined;
  /** Read only in `running`. */
  #attempt: Attempt | undefined = undefined;

  constructor(
    readonly task: BackgroundTask,
    readonly call: TaskCall,
    readonly options: ResolvedTaskOptions,
    /** The list that runs the entry. `FairSlots` lets owners take turns. */
    public owner: TaskOwner,
    private readonly lifecycle: EntryLifecycle,
    /** Set for an attempt that a queue gave to this process. The queue, not the lifecycle, makes the next attempt. */
    readonly queue?: AttemptObserver,
  ) {
    this.addedAt = options.delay || options.deduplication ? taskTime() : undefined;
    task.setCanceller(this);
  }

  /** @param leave ends the wait: clears a timer, or leaves a line */
  waits(leave?: () => void): void {
    this.#state = 'waiting';
    this.#leave = leave;
  }

  runs(attempt: Attempt): void {
    this.#state = 'running';
    this.#attempt = attempt;
  }

  returnsToQueue(): void {
    this.#state = 'over';
  }

  cancel(reason: CancelReason): boolean {
    const state = this.#state;
    this.#state = 'over';
    if (state === 'waiting') {
      this.#leave?.();
      this.lifecycle.cancelled(this, new TaskCancelledError(this.task.name, reason));
      return true;
    }
    return state === 'running' && this.#attempt!.abort(new TaskCancelledError(this.task.name, reason));
  }

  attemptEnded(attempt: Attempt, isFailed: boolean, value: unknown): void {
    this.lifecycle.attemptEnded(this, attempt, isFailed, value);
  }
}

/** What entries tell the lifecycle of all tasks. */
export interface EntryLifecycle {
  /** A task was cancelled while it waited. */
  cancelled(entry: TaskEntry, error: TaskCancelledError): void;
  attemptEnded(entry: TaskEntry, attempt: Attempt, isFailed: boolean, value: unknown): void;
}

/** A list, as other lists see it. */
export interface TaskOwner {
  readonly isOpen: boolean;
  /** The request of the tasks. */
  readonly origin?: RequestOrigin | undefined;
  /** Takes over an entry of another list. */
  adopt(entry: TaskEntry, options: ResolvedTaskOptions): void;
  /** The options that apply where this list runs the entry. */
  optionsOf(entry: TaskEntry): ResolvedTaskOptions;
  /** An entry that this list has run has settled, or is back in its queue. */
  ended(entry: TaskEntry): void;
}

/** How the request of a list ended. `undefined` for a list without a request. */
export type Outcome = 'success' | 'failure' | undefined;

/** Whether a task with this `runOn` runs after this outcome. */
export function isWantedAfter(outcome: Outcome, { runOn }: Pick<TaskOptions, 'runOn'>): boolean {
  return outcome === undefined || runOn === 'always' || runOn === outcome;
}
