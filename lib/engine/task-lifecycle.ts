import { TaskCancelledError } from '../errors/task.errors.ts';
import { Attempt } from '../execution/attempt.ts';
import type { TaskExecutor } from '../execution/task-executor.ts';
import type { TaskCall } from '../task/call/task-call.ts';
import { backoffDelay } from '../task/definition/backoff.ts';
import type { BackgroundTask } from '../task/handle/background-task.ts';
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
  /** Limit the tasks on the event loop; none: no limit. */
  readonly slots: FairSlots | undefined;
  readonly turns: TurnQueue;
  readonly admission: Admission;
  readonly tracker: TaskTracker;
  readonly log: TaskLog;
}

/** One task on its way. */
interface Run {
  readonly entry: TaskEntry;
  /** Those of the list that runs the entry. */
  readonly options: ResolvedTaskOptions;
  readonly origin: Origin | undefined;
  /** Is called once the task has settled, or the queue has it back. */
  readonly onEnd: () => void;
}

/**
 * Moves one task through its states: waits for its delay and for a slot, runs attempts until one succeeds or none is left,
 * and settles the task. Lists decide the order of tasks; executors run the attempts.
 */
export class TaskLifecycle {
  /** Tasks that wait for a delay, each with its time by `performance.now()`. */
  readonly #delayed = new Map<BackgroundTask, number>();
  readonly #lost: BackgroundTask[] = [];
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

  /** Of a durable task, which another process may have accepted: there can't be too many. */
  admitDurable(call: TaskCall): TaskCall {
    return this.#executorOf(call).admit(call, true);
  }

  /** Makes the entry with which lists and this class handle a task. From then on, the task can be cancelled. */
  enter(
    task: BackgroundTask,
    call: TaskCall,
    options: ResolvedTaskOptions,
    owner: TaskOwner,
    queue?: TaskEntry['queue'],
  ): TaskEntry {
    return new TaskEntry(task, call, options, owner, this.#stop, queue);
  }

  /** How many tasks wait for a delay. */
  get delayed(): number {
    return this.#delayed.size;
  }

  /** Tasks that were cancelled because the application closed. */
  get lost(): readonly BackgroundTask[] {
    return this.#lost;
  }

  /** Cancels the tasks whose delay ends after the deadline, now and from now on. */
  cancelDelayedBeyond(deadline: number): void {
    this.#deadline = deadline;
    for (const [task, time] of this.#delayed) {
      if (time > deadline) {
        task.cancelFor('shutdown');
      }
    }
  }

  /** To be called in a turn of the event loop of the task's own. */
  run(entry: TaskEntry, options: ResolvedTaskOptions, onEnd: () => void, origin?: Origin): void {
    const { delay = 0 } = options;
    const wait = delay && delay - (performance.now() - entry.addedAt);
    const run: Run = { entry, options, onEnd, origin };
    if (wait > 0) {
      this.#delay(run, wait);
    } else {
      this.#start(run);
    }
  }

  /** Notes a task that is cancelled because the application closes. */
  lose(task: BackgroundTask): void {
    this.#lost.push(task);
  }

  skip({ task, call }: TaskEntry): void {
    this.#executorOf(call).release();
    task.skip();
  }

  /** Waits for the delay, and then for a turn. */
  #delay(run: Run, ms: number): void {
    const { task, cancellation } = run.entry;
    const time = performance.now() + ms;
    this.#delayed.set(task, time);
    const timer = setTimeout(() => {
      this.#delayed.delete(task);
      cancellation.waits(undefined, run.onEnd);
      this.context.turns.schedule(() => this.#start(run));
    }, ms);
    cancellation.waits(() => {
      clearTimeout(timer);
      this.#delayed.delete(task);
    }, run.onEnd);
    if (time > this.#deadline) {
      task.cancelFor('shutdown');
    }
  }

  /** Begins an attempt as soon as there is a slot. */
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
    let isThisTurn = true;
    const leave = slots.acquire(owner, () => (isThisTurn ? use() : turns.schedule(use)));
    if (task.status === 'pending') {
      cancellation.waits(leave, run.onEnd);
    }
    isThisTurn = false;
  }

  async #attempt(run: Run): Promise<void> {
    const { entry, options, onEnd } = run;
    const { task, call, cancellation } = entry;
    const executor = this.#executorOf(call);
    const attempt = new Attempt(task, call, options, entry.queue);
    cancellation.runs(attempt);
    const outcome = await executor.execute(attempt).then(
      (result) => ({ result }),
      (error: unknown) => ({ error }),
    );
    if (this.#isOnEventLoop(call)) {
      this.context.slots?.release();
    }
    // The attempt failed before it began: there was no thread, or the thread could not load the task's file.
    if (task.status === 'pending' && !attempt.abortReason) {
      attempt.begin();
    }
    // Read after that: a subscriber of `started` can cancel the task.
    const { abortReason } = attempt;
    if (abortReason instanceof TaskCancelledError) {
      attempt.end();
      this.#stop(entry, abortReason);
      onEnd();
    } else if (!abortReason && 'result' in outcome) {
      attempt.end();
      executor.release();
      task.complete(outcome.result);
      onEnd();
    } else {
      attempt.end();
      await this.#failOrRetry(run, abortReason ?? (outcome as { error: unknown }).error);
    }
  }

  async #failOrRetry(run: Run, error: unknown): Promise<void> {
    const { entry, options, onEnd, origin } = run;
    const { task, call, cancellation } = entry;
    const { tracker, turns, log } = this.context;
    cancellation.waits(undefined, onEnd);
    const isWorthAnother = task.attempts < (options.attempts ?? 1) && (await this.#isWorthAnother(run, error));
    if (task.isSettled) {
      return;
    }
    if (!isWorthAnother) {
      log.failed(task, error, call, origin);
      this.#executorOf(call).release();
      task.fail(error);
      onEnd();
      return;
    }
    const delay = backoffDelay(options.backoff, task.attempts);
    log.retrying(task, error, call, delay, origin);
    task.retry(error, delay);
    if (entry.queue) {
      tracker.release(task);
      onEnd();
      return;
    }
    // A subscriber of the event can cancel the task.
    if (task.isSettled) {
      return;
    }
    if (delay > 0) {
      this.#delay(run, delay);
    } else {
      turns.schedule(() => this.#start(run));
    }
  }

  async #isWorthAnother({ entry, options }: Run, error: unknown): Promise<boolean> {
    const { task, call } = entry;
    try {
      const { retryIf } = options;
      return retryIf ? await call.scope.runInAsyncScope(() => retryIf(error, task.attempts)) : true;
    } catch (thrown) {
      this.context.log.retryIfThrew(task, call, thrown);
      return false;
    }
  }

  readonly #stop = ({ task, call, queue }: TaskEntry, error: TaskCancelledError): void => {
    // Another process runs a durable task again.
    if (error.reason === 'shutdown' && !queue) {
      this.lose(task);
    }
    this.#executorOf(call).release();
    task.stop(error);
  };

  #executorOf(call: TaskCall): TaskExecutor {
    return this.#isOnEventLoop(call) ? this.context.eventLoop : this.context.threads;
  }

  #isOnEventLoop(call: TaskCall): boolean {
    return call.definition?.thread === undefined;
  }
}
