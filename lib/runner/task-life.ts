import { TaskCancelledError } from '../errors/task-cancelled.error.ts';
import type { TaskExecutor } from '../executors/task-executor.ts';
import { byClosing } from '../messages.ts';
import { Attempt, type AttemptObserver } from '../task/attempt.ts';
import { backoffDelay } from '../task/backoff.ts';
import type { BackgroundTask, TaskEnd } from '../task/background-task.ts';
import type { TaskCall } from '../task/task-call.ts';
import type { TaskOptions } from '../task/task-options.ts';
import type { Admission } from './admission.ts';
import type { FairSlots } from './fair-slots.ts';
import type { QueuedTask } from './queued-task.ts';
import type { Origin, TaskLog } from './task-log.ts';
import type { TaskTracker } from './task-tracker.ts';
import type { TurnQueue } from './turn-queue.ts';

/** What the lives of all tasks share. */
export interface TaskLifeContext {
  readonly eventLoop: TaskExecutor;
  readonly threads: TaskExecutor;
  /** Of the event loop; none: as many as there are. */
  readonly slots: FairSlots | undefined;
  readonly turns: TurnQueue;
  readonly admission: Admission;
  readonly tracker: TaskTracker;
  readonly log: TaskLog;
}

/** One task on its way, with whom to call when it has come to its end. */
interface Life {
  readonly queued: QueuedTask;
  readonly onEnd: () => void;
  readonly origin: Origin | undefined;
}

/** Takes one task from step to step, until it has come to its end. In which order tasks go is not its affair. */
export class TaskLife {
  /** Tasks that wait for a time to come, by `performance.now()`. */
  readonly #paused = new Map<BackgroundTask, number>();
  readonly #lost: BackgroundTask[] = [];
  #deadline = Infinity;

  constructor(private readonly context: TaskLifeContext) {}

  /**
   * @returns the call as it is to be run
   * @throws TooManyTasksError, ShuttingDownError, TaskArgumentError
   */
  admit(call: TaskCall): TaskCall {
    this.context.admission.check(call.name);
    return this.#executorOf(call).admit(call);
  }

  /** One that was accepted already, by whoever stored it. */
  admitStored(call: TaskCall): TaskCall {
    return this.#executorOf(call).admit(call, true);
  }

  add(queued: QueuedTask): void {
    this.adopt(queued);
    this.context.tracker.added(queued);
  }

  /** One that was added elsewhere. */
  adopt(queued: QueuedTask): void {
    queued.task.onCancel((by) => this.#cancel(queued, by));
  }

  /** The task that there is already, if this one is to be added only where there is none. */
  findDuplicate({ deduplication }: TaskOptions): QueuedTask | undefined {
    return deduplication && this.context.tracker.findDuplicate(deduplication.id);
  }

  /** Calls back when the task has come to its end. To be called in a turn of the event loop that is the task's own. */
  run(queued: QueuedTask, onEnd: () => void, origin?: Origin): void {
    const { delay = 0 } = queued.options;
    const wait = delay && delay - (performance.now() - queued.addedAt);
    const life: Life = { queued, onEnd, origin };
    if (wait > 0) {
      this.#pause(life, wait);
    } else {
      this.#start(life);
    }
  }

  skip(queued: QueuedTask): void {
    queued.task.skip();
    this.#settled(queued, 'skipped', false);
  }

  /** How many wait for a time to come. */
  get delayed(): number {
    return this.#paused.size;
  }

  /** Those that were cancelled because the application is closed. */
  get lost(): readonly BackgroundTask[] {
    return this.#lost;
  }

  /** Gives up tasks that wait for a time after this one, now and from now on. */
  waitUntil(deadline: number): void {
    this.#deadline = deadline;
    for (const [task, time] of this.#paused) {
      if (time > deadline) {
        task.cancelBy(byClosing);
      }
    }
  }

  /** Waits, and then for a turn. */
  #pause(life: Life, ms: number): void {
    const { task } = life.queued;
    const time = performance.now() + ms;
    this.#paused.set(task, time);
    const timer = setTimeout(() => {
      this.#paused.delete(task);
      this.#whileWaiting(life);
      this.context.turns.schedule(() => this.#start(life));
    }, ms);
    this.#whileWaiting(life, () => {
      clearTimeout(timer);
      this.#paused.delete(task);
    });
    if (time > this.#deadline) {
      task.cancelBy(byClosing);
    }
  }

  /** Begins an attempt as soon as there is room for it. */
  #start(life: Life): void {
    const { slots, turns } = this.context;
    const { task, call } = life.queued;
    if (task.isSettled) {
      return;
    }
    if (!slots || !this.#isOnEventLoop(call)) {
      void this.#try(life);
      return;
    }
    const use = () => {
      if (task.isSettled) {
        slots.release();
      } else {
        void this.#try(life);
      }
    };
    let isThisTurn = true;
    const leave = slots.acquire(life.queued.list, () => (isThisTurn ? use() : turns.schedule(use)));
    if (task.status === 'pending') {
      this.#whileWaiting(life, leave);
    }
    isThisTurn = false;
  }

  async #try(life: Life): Promise<void> {
    const { task, call, options } = life.queued;
    const attempt = new Attempt(task, call, options, this.#observerOf(life.queued));
    task.onCancel((by) => attempt.abort(new TaskCancelledError(task.name, by)));
    const outcome = await this.#executorOf(call)
      .execute(attempt)
      .then(
        (result) => ({ result }),
        (error: unknown) => ({ error }),
      );
    if (this.#isOnEventLoop(call)) {
      this.context.slots?.release();
    }
    // It failed before it began: there was no thread for it, or the thread could not load its file.
    if (task.status === 'pending' && !attempt.abortReason) {
      attempt.begin();
    }
    // Read only now: whoever hears of the beginning can cancel the task.
    const { abortReason } = attempt;
    if (abortReason instanceof TaskCancelledError) {
      attempt.end();
      this.#stop(life.queued, abortReason);
    } else if (!abortReason && 'result' in outcome) {
      attempt.end();
      task.complete(outcome.result);
      this.#settled(life.queued, 'completed', true);
    } else {
      attempt.end();
      await this.#failOrRetry(life, abortReason ?? (outcome as { error: unknown }).error);
      return;
    }
    life.onEnd();
  }

  async #failOrRetry(life: Life, error: unknown): Promise<void> {
    const { queued, onEnd, origin } = life;
    const { task, call, options } = queued;
    const { tracker, turns, log } = this.context;
    this.#whileWaiting(life);
    const isWorthAnother = task.attempts < (options.attempts ?? 1) && (await this.#isWorthAnother(queued, error));
    if (task.isSettled) {
      return;
    }
    if (!isWorthAnother) {
      task.fail(error);
      log.failed(task, call, origin);
      this.#settled(queued, 'failed', true);
      onEnd();
      return;
    }
    const delay = backoffDelay(options.backoff, task.attempts);
    task.retry(error);
    log.retrying(task, call, delay, origin);
    if (queued.stored) {
      tracker.handedBack(task, delay);
      onEnd();
      return;
    }
    tracker.retrying(task, delay);
    // Whoever is told can cancel it.
    if (task.isSettled) {
      return;
    }
    if (delay > 0) {
      this.#pause(life, delay);
    } else {
      turns.schedule(() => this.#start(life));
    }
  }

  async #isWorthAnother({ task, call, options }: QueuedTask, error: unknown): Promise<boolean> {
    try {
      const { retryIf } = options;
      return retryIf ? await call.scope.runInAsyncScope(() => retryIf(error, task.attempts)) : true;
    } catch (thrown) {
      this.context.log.retryIfThrew(task, call, thrown);
      return false;
    }
  }

  #cancel(queued: QueuedTask, by: string): boolean {
    this.#stop(queued, new TaskCancelledError(queued.task.name, by));
    return true;
  }

  /** Until something else is said, cancelling it ends its life here and now. */
  #whileWaiting({ queued, onEnd }: Life, stopWaiting?: () => void): void {
    queued.task.onCancel((by) => {
      stopWaiting?.();
      this.#cancel(queued, by);
      onEnd();
      return true;
    });
  }

  #stop(queued: QueuedTask, reason: TaskCancelledError): void {
    // One that is stored is lost to this process alone.
    if (reason.by === byClosing && !queued.stored) {
      this.#lost.push(queued.task);
    }
    const wasRunning = queued.task.status === 'running';
    queued.task.stop(reason);
    this.#settled(queued, 'cancelled', wasRunning);
  }

  #observerOf({ stored }: QueuedTask): AttemptObserver {
    const { tracker } = this.context;
    return stored
      ? {
          started: (task) => tracker.started(task),
          progressed: (task) => {
            tracker.progressed(task);
            stored.progressed(task);
          },
        }
      : tracker;
  }

  #settled({ task, call, options }: QueuedTask, how: TaskEnd, wasRunning: boolean): void {
    this.#executorOf(call).release();
    this.context.tracker.settled(task, how, wasRunning, options.deduplication?.id);
  }

  #executorOf(call: TaskCall): TaskExecutor {
    return this.#isOnEventLoop(call) ? this.context.eventLoop : this.context.threads;
  }

  #isOnEventLoop(call: TaskCall): boolean {
    return call.definition?.thread === undefined;
  }
}
