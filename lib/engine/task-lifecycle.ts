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
import { type ResolvedTaskOptions, TaskEntry, type TaskOwner } from './task-entry.ts';
import type { Origin, TaskLog } from './task-log.ts';
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
}

/** A task that its list has started. */
interface Run {
  readonly entry: TaskEntry;
  /** From the list that runs the entry. A deduplicated task can have others in the list that added it. */
  readonly options: ResolvedTaskOptions;
  readonly origin: Origin | undefined;
  /** Called once the task has settled, or is back in its queue. */
  readonly onEnd: () => void;
}

/**
 * Moves one task through its states: waits for its delay and for a slot, runs attempts until one succeeds or none is left,
 * and settles the task. Lists decide the order of tasks; executors run the attempts.
 */
export class TaskLifecycle {
  /** Tasks that wait for a delay, each with its end by `now()`. */
  readonly #delayed = new Map<BackgroundTask, number>();
  readonly #lost: BackgroundTask[] = [];
  /** By `now()`. A delay that ends later is not waited for: the task is cancelled. */
  #deadline = Infinity;

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
    return new TaskEntry(task, call, options, owner, this.#stopAdmitted, queue);
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
  run(entry: TaskEntry, options: ResolvedTaskOptions, onEnd: () => void, origin?: Origin): void {
    const { delay = 0 } = options;
    const wait = delay && entry.addedAt !== undefined ? delay - msSince(entry.addedAt) : 0;
    const run: Run = { entry, options, onEnd, origin };
    if (wait > 0) {
      this.#delay(run, wait);
    } else {
      this.#start(run);
    }
  }

  /** Settles a task as `cancelled` whose executor has not admitted it, or has released it. */
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
  #delay(run: Run, ms: number): void {
    const { task, cancellation } = run.entry;
    const stopTimer = this.#wait(Math.min(ms, MAX_TIMER), () => {
      this.#delayed.delete(task);
      cancellation.waits(undefined, run.onEnd);
      if (ms > MAX_TIMER) {
        this.#delay(run, ms - MAX_TIMER);
      } else {
        this.context.turns.schedule(() => this.#start(run));
      }
    });
    // Shutdown does not wait for a test to move its clock on.
    const end = isTaskTimeFake() ? Infinity : now() + ms;
    this.#delayed.set(task, end);
    cancellation.waits(() => {
      stopTimer();
      this.#delayed.delete(task);
    }, run.onEnd);
    if (end > this.#deadline) {
      task.cancelFor('shutdown');
    }
  }

  /** Starts an attempt as soon as there is a slot. */
  #start(run: Run): void {
    const { slots, turns } = this.context;
    const { task, call, owner, cancellation } = run.entry;
    if (task.isSettled) {
      return;
    }
    if (!slots || !this.#isOnEventLoop(call)) {
      void this.#attempt(run);
      return;
    }
    const use = () => {
      if (task.isSettled) {
        slots.release();
      } else {
        void this.#attempt(run);
      }
    };
    // A slot that becomes free later does so in the turn of another task.
    let isThisTurn = true;
    const leave = slots.acquire(owner, () => (isThisTurn ? use() : turns.schedule(use)));
    if (task.currentStatus === 'pending') {
      cancellation.waits(leave, run.onEnd);
    }
    isThisTurn = false;
  }

  async #attempt(run: Run): Promise<void> {
    const { entry, options, onEnd } = run;
    const { task, call, cancellation } = entry;
    const executor = this.#executorOf(call);
    const attempt = new Attempt(task, call, options, entry.queue);
    if (attemptChannel.hasSubscribers) {
      attempt.trace = this.#traceOf(entry, attempt.attempt);
    }
    cancellation.runs(attempt);
    const outcome = await executor.execute(attempt).then(
      (result) => ({ result }),
      (error: unknown) => ({ error }),
    );
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
      // One that never began is published here, and belongs to what added the task.
      call.scope.runInAsyncScope(() => trace.end(abortReason ? { error: abortReason } : outcome));
    }
    if (abortReason instanceof TaskCancelledError) {
      this.#stopAdmitted(entry, abortReason);
      onEnd();
    } else if (!abortReason && 'result' in outcome) {
      executor.release();
      task.complete(outcome.result);
      onEnd();
    } else {
      await this.#failOrRetry(run, abortReason ?? (outcome as { error: unknown }).error);
    }
  }

  #traceOf({ task, call, queue }: TaskEntry, attempt: number): AttemptTrace {
    return new AttemptTrace(task, this.context.showsArguments, {
      attempt,
      runsIn: this.#isOnEventLoop(call) ? 'event-loop' : 'thread',
      carrier: { ...queue?.carrier },
      isTracedByQueue: queue?.isTraced ?? false,
      args: call.args,
    });
  }

  async #failOrRetry(run: Run, error: unknown): Promise<void> {
    const { entry, options, onEnd, origin } = run;
    const { task, call, cancellation } = entry;
    const { tracker, turns, log } = this.context;
    cancellation.waits(undefined, onEnd);
    const isRetried = task.begunAttempts < (options.attempts ?? 1) && (await this.#allowsRetry(run, error));
    if (task.isSettled) {
      return;
    }
    if (!isRetried) {
      log.failed(task, error, call, origin);
      // The application's logger can cancel the task.
      if (task.isSettled) {
        return;
      }
      this.#executorOf(call).release();
      task.fail(error);
      onEnd();
      return;
    }
    const delay = backoffDelay(options.backoff, task.begunAttempts);
    log.retrying(task, error, call, delay, origin);
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
      cancellation.returnsToQueue();
      task.forget();
      onEnd();
      return;
    }
    if (delay > 0) {
      this.#delay(run, delay);
    } else {
      turns.schedule(() => this.#start(run));
    }
  }

  async #allowsRetry({ entry, options }: Run, error: unknown): Promise<boolean> {
    const { task, call } = entry;
    try {
      const { retryIf } = options;
      return retryIf ? await call.scope.runInAsyncScope(() => retryIf(error, task.begunAttempts)) : true;
    } catch (thrown) {
      this.context.log.retryIfThrew(task, call, thrown);
      return false;
    }
  }

  readonly #stopAdmitted = ({ task, call, queue }: TaskEntry, error: TaskCancelledError): void => {
    this.#executorOf(call).release();
    if (queue) {
      // Not lost: another process runs it.
      task.stop(error);
    } else {
      this.stop(task, error);
    }
  };

  #executorOf(call: TaskCall): TaskExecutor {
    return this.#isOnEventLoop(call) ? this.context.eventLoop : this.context.threads;
  }

  #isOnEventLoop(call: TaskCall): boolean {
    return call.definition?.thread === undefined;
  }
}
