import { AsyncResource } from 'node:async_hooks';
import { TaskCancelledError } from '../errors/task.errors.ts';
import { Attempt } from '../execution/attempt.ts';
import type { TaskControl } from '../execution/task-control.ts';
import type { TaskExecutor } from '../execution/task-executor.ts';
import { attemptChannel } from '../observe/channels.ts';
import { AttemptTrace } from '../observe/traces.ts';
import type { TaskWatchers } from '../observe/task-watchers.ts';
import type { TaskCall } from '../task/call/task-call.ts';
import { backoffDelay } from '../task/definition/backoff.ts';
import type { BackgroundTask } from '../task/handle/background-task.ts';
import { afterTaskTime, isTaskTimeFake, msSince, now } from '../util/timers.ts';
import { MAX_TIMER } from '../validation/option-rules.ts';
import type { Admission } from './admission.ts';
import type { FairSlots } from './fair-slots.ts';
import { type EntryLifecycle, type ResolvedTaskOptions, TaskEntry, type TaskOwner } from './task-entry.ts';
import type { TaskLog } from './task-log.ts';
import type { TaskTracker } from './task-tracker.ts';
import type { TurnQueue } from './turn-queue.ts';

/** What the lifecycles of all tasks share. */
export interface LifecycleContext {
  readonly eventLoop: TaskExecutor;
  readonly threads: TaskExecutor;
  /** Limits the tasks that run at once on the event loop. `undefined`: no limit. */
  readonly slots: FairSlots | undefined;
  readonly turns: TurnQueue;
  readonly admission: Admission;
  readonly tracker: TaskTracker;
  readonly log: TaskLog;
  readonly control: TaskControl | undefined;
  /** Whether the messages of channels have arguments and results. */
  readonly showsArguments: boolean;
  readonly watchers: TaskWatchers;
  /** Whether code of the application hears of the steps of all tasks. */
  readonly isObserved: () => boolean;
}

const newResource = () => new AsyncResource('BackgroundTasks');

/**
 * Moves one task through its states: waits for its delay and for a slot, runs attempts until one succeeds or none is left,
 * and settles the task. Lists decide the order of tasks; executors run the attempts.
 */
export class TaskLifecycle implements EntryLifecycle {
  /** Tasks that wait for a delay, each with its end by `now()`. */
  readonly #delayed = new Map<BackgroundTask, number>();
  readonly #lost: BackgroundTask[] = [];
  /** By `now()`. If the delay of a task ends later, the task is cancelled. */
  #deadline = Infinity;
  // Code that hears of the end of a task does not run in the async context of the task.
  readonly #outside = newResource();
  /** Waits for slots in place of the owners of durable tasks. Each task has its own, but together they count as one. */
  readonly #queueOwner = {};

  constructor(private readonly context: LifecycleContext) {}

  /**
   * @returns the call that will run
   * @throws TooManyTasksError, ShuttingDownError, TaskArgumentError
   */
  admit(call: TaskCall): TaskCall {
    this.context.admission.check(call.name);
    return this.#executorOf(call).admit(call);
  }

  /** Accepts a durable task. No limit applies: the process that added it has checked its own. */
  admitDurable(call: TaskCall): TaskCall {
    return this.#executorOf(call).admit(call, true);
  }

  /** Makes the entry of a task. From then on, the task can be cancelled. */
  enter(
    task: BackgroundTask,
    call: TaskCall,
    options: ResolvedTaskOptions,
    owner: TaskOwner,
    queue?: TaskEntry['queue'],
  ): TaskEntry {
    this.context.watchers.entered(task, call.args);
    return new TaskEntry(task, call, options, owner, this, queue);
  }

  /** How many tasks wait for a delay. */
  get delayed(): number {
    return this.#delayed.size;
  }

  /** Tasks that were cancelled because the application closed. */
  get lost(): readonly BackgroundTask[] {
    return this.#lost;
  }

  /** Cancels the tasks whose delay ends after the deadline, and later ones too. */
  cancelDelayedBeyond(deadline: number): void {
    this.#deadline = deadline;
    for (const [task, time] of this.#delayed) {
      if (time > deadline) {
        task.cancelFor('shutdown');
      }
    }
  }

  /** Starts the task, which may call its function at once. So call it in a turn of its own, never inside `addTask`. */
  run(entry: TaskEntry): void {
    entry.isTaken = true;
    entry.claimants = undefined;
    const { addedAt } = entry;
    const { delay = 0 } = entry.owner.optionsOf(entry);
    const wait = delay && addedAt !== undefined ? delay - msSince(addedAt) : 0;
    if (wait > 0) {
      this.#delay(entry, wait);
    } else {
      this.#start(entry);
    }
  }

  /** Settles a task as `cancelled`. Its executor has not admitted it, or has released it. */
  readonly stop = (task: BackgroundTask, error: TaskCancelledError): void => {
    if (error.reason === 'shutdown') {
      this.lose(task);
    }
    task.stop(error);
  };

  /** Notes a task that is cancelled because the application closes. */
  lose(task: BackgroundTask): void {
    this.#lost.push(task);
  }

  skip({ task, call }: TaskEntry): void {
    this.#executorOf(call).release();
    task.skip();
  }

  #wait(ms: number, onEnd: () => void): () => void {
    const { control } = this.context;
    return control ? control.wait(ms, onEnd) : afterTaskTime(ms, onEnd);
  }

  /** Waits for the delay, and then for a turn. */
  #delay(entry: TaskEntry, ms: number): void {
    const { task } = entry;
    const stopTimer = this.#wait(Math.min(ms, MAX_TIMER), () => {
      this.#delayed.delete(task);
      entry.waits();
      if (ms > MAX_TIMER) {
        this.#delay(entry, ms - MAX_TIMER);
      } else {
        this.context.turns.schedule(this.#start, entry);
      }
    });
    // Shutdown does not wait for a test to move its clock on.
    const end = isTaskTimeFake() ? Infinity : now() + ms;
    this.#delayed.set(task, end);
    entry.waits(() => {
      stopTimer();
      this.#delayed.delete(task);
    });
    if (end > this.#deadline) {
      task.cancelFor('shutdown');
    }
  }

  /** Starts an attempt as soon as there is a slot. */
  readonly #start = (entry: TaskEntry): void => {
    const { slots, turns } = this.context;
    const { task, call, owner, queue } = entry;
    if (task.isSettled) {
      return;
    }
    if (!slots || !this.#isOnEventLoop(call)) {
      this.#attempt(entry);
      return;
    }
    const use = () => {
      if (task.isSettled) {
        slots.release();
      } else {
        this.#attempt(entry);
      }
    };
    // A slot that becomes free later does so in the turn of another task.
    let isThisTurn = true;
    let isWaiting = true;
    const leave = slots.acquire(queue ? this.#queueOwner : owner, () => {
      isWaiting = false;
      if (isThisTurn) {
        use();
      } else {
        turns.schedule(use, undefined);
      }
    });
    if (isWaiting) {
      entry.waits(leave);
    }
    isThisTurn = false;
  };

  #attempt(entry: TaskEntry): void {
    const { task, call, owner, queue } = entry;
    const attempt = new Attempt(task, call, owner.optionsOf(entry), entry, queue);
    if (attemptChannel.hasSubscribers) {
      attempt.trace = this.#traceOf(entry, attempt.attempt);
    }
    entry.runs(attempt);
    this.#executorOf(call).execute(attempt);
  }

  attemptEnded(entry: TaskEntry, attempt: Attempt, isFailed: boolean, value: unknown): void {
    // Before Node 24, a resource keeps what a subscriber enters with `enterWith`. Then each attempt needs its own.
    const outside = this.context.isObserved() ? this.#outside.runInAsyncScope(newResource) : this.#outside;
    outside.runInAsyncScope(this.#ended, undefined, entry, attempt, isFailed, value);
  }

  readonly #ended = (entry: TaskEntry, attempt: Attempt, isFailed: boolean, value: unknown): void => {
    const { task, call } = entry;
    if (this.#isOnEventLoop(call)) {
      this.context.slots?.release();
    }
    // No thread could load the task's file, or Nest could not make the provider. The attempt counts, or a task could retry
    // this for ever.
    if (task.currentStatus === 'pending' && !attempt.abortReason) {
      attempt.begin();
    }
    // Read after that: a subscriber of `started` can cancel the task.
    const { abortReason } = attempt;
    attempt.end();
    const { trace } = attempt;
    if (trace) {
      // The trace of an attempt that never began is published here, in the async context of the code that added the task.
      const outcome = abortReason ? { error: abortReason } : isFailed ? { error: value } : { result: value };
      call.scope.runInAsyncScope(() => trace.end(outcome));
    }
    if (abortReason instanceof TaskCancelledError) {
      this.cancelled(entry, abortReason);
    } else if (abortReason || isFailed) {
      void this.#failOrRetry(entry, abortReason ?? value);
    } else {
      this.#executorOf(call).release();
      task.complete(value);
      entry.owner.ended(entry);
    }
  };

  #traceOf({ task, call, queue }: TaskEntry, attempt: number): AttemptTrace {
    return new AttemptTrace(task, this.context.showsArguments, {
      attempt,
      runsIn: this.#isOnEventLoop(call) ? 'event-loop' : 'thread',
      carrier: { ...queue?.carrier },
      isTracedByQueue: queue?.isTraced ?? false,
      args: call.args,
    });
  }

  async #failOrRetry(entry: TaskEntry, error: unknown): Promise<void> {
    const { task, call, owner } = entry;
    const { tracker, turns, log } = this.context;
    const options = owner.optionsOf(entry);
    entry.waits();
    const isRetried = task.begunAttempts < (options.attempts ?? 1) && (await this.#allowsRetry(entry, options, error));
    if (task.isSettled) {
      return;
    }
    if (!isRetried) {
      log.failed(task, error, call, owner.origin);
      // The application's logger can cancel the task.
      if (task.isSettled) {
        return;
      }
      this.#executorOf(call).release();
      task.fail(error);
      owner.ended(entry);
      return;
    }
    const delay = backoffDelay(options.backoff, task.begunAttempts);
    log.retrying(task, error, call, delay, owner.origin);
    if (task.isSettled) {
      return;
    }
    if (entry.queue) {
      // Before `retry` emits its event: a subscriber that reads the statistics must not find the task there.
      tracker.release(task);
    }
    task.retry(error, delay);
    // A subscriber of the event can cancel the task.
    if (task.isSettled) {
      return;
    }
    if (entry.queue) {
      this.#executorOf(call).release();
      entry.returnsToQueue();
      task.forget();
      owner.ended(entry);
      return;
    }
    if (delay > 0) {
      this.#delay(entry, delay);
    } else {
      turns.schedule(this.#start, entry);
    }
  }

  async #allowsRetry({ task, call }: TaskEntry, { retryIf }: ResolvedTaskOptions, error: unknown): Promise<boolean> {
    try {
      return retryIf ? await call.scope.runInAsyncScope(() => retryIf(error, task.begunAttempts)) : true;
    } catch (thrown) {
      this.context.log.retryIfThrew(task, call, thrown);
      return false;
    }
  }

  cancelled(entry: TaskEntry, error: TaskCancelledError): void {
    const { task, call, owner, queue } = entry;
    entry.claimants = undefined;
    this.#executorOf(call).release();
    if (queue) {
      // Not lost: another process runs it.
      task.stop(error);
    } else {
      this.stop(task, error);
    }
    if (entry.isTaken) {
      owner.ended(entry);
    }
  }

  #executorOf(call: TaskCall): TaskExecutor {
    return this.#isOnEventLoop(call) ? this.context.eventLoop : this.context.threads;
  }

  #isOnEventLoop(call: TaskCall): boolean {
    return call.definition?.thread === undefined;
  }
}
