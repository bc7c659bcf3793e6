import { toDurableTask } from '../durable/durable-task.ts';
import type { TaskQueueHost } from '../durable/task-queue-host.ts';
import { TaskCancelledError } from '../errors/task.errors.ts';
import { TaskQueueError } from '../errors/unavailable.errors.ts';
import type { TaskCall } from '../task/call/task-call.ts';
import type { TaskOptions } from '../task/definition/task-options.ts';
import { BackgroundTask } from '../task/handle/background-task.ts';
import type { Admission } from './admission.ts';
import { Cancellation } from './cancellation.ts';
import { notStoredSkipped } from './engine.messages.ts';
import { PendingEnqueues } from './pending-enqueues.ts';
import { isWantedAfter, type Outcome, type ResolvedTaskOptions } from './task-entry.ts';
import type { Origin, TaskLog } from './task-log.ts';
import type { TaskTracker } from './task-tracker.ts';

/** What the unflushed tasks of all lists share. */
export interface FlushContext {
  readonly queues: TaskQueueHost;
  readonly admission: Admission;
  readonly tracker: TaskTracker;
  readonly log: TaskLog;
  /** Notes a task that is cancelled because the application closes. */
  readonly lose: (task: BackgroundTask) => void;
  /** Options of the application. */
  readonly defaults: ResolvedTaskOptions;
}

/** A durable task that is not in its queue yet. */
export interface UnflushedTask {
  readonly task: BackgroundTask;
  readonly call: TaskCall;
  readonly options: ResolvedTaskOptions;
  readonly cancellation: Cancellation<BackgroundTask>;
  /** What the queue has made of the task when it was added. */
  readonly prepared: unknown;
}

/** The durable tasks of one list, until they are in their queues. */
export class UnflushedTasks {
  #waiting: UnflushedTask[] = [];
  readonly #enqueues = new PendingEnqueues();

  /** @param runHere is given the tasks that run in this process because their queue is down */
  constructor(
    private readonly context: FlushContext,
    private readonly origin: Origin | undefined,
    private readonly runHere: (tasks: readonly UnflushedTask[]) => void,
  ) {}

  /** Whether a flush after such an outcome has something to enqueue or to wait for. */
  mustFlush(outcome: Outcome): boolean {
    return !this.#enqueues.isEmpty || this.#waiting.some(({ options }) => isWantedAfter(outcome, options));
  }

  /** @throws UnavailableError, TaskArgumentError */
  add(call: TaskCall, given: TaskOptions, options: ResolvedTaskOptions): BackgroundTask {
    const { queues, admission, tracker, defaults } = this.context;
    // Every process knows the task by this name, so the option `name` of one call doesn't count.
    const { name } = call;
    const queue = queues.of(call);
    admission.check(name);
    const task = new BackgroundTask(name, tracker);
    task.waitsForQueue();
    const prepared = queue.prepare(toDurableTask(task, call, given, defaults));
    const cancellation = new Cancellation(task, task, this.#stop);
    const unflushed: UnflushedTask = { task, call, options, cancellation, prepared };
    cancellation.waits(() => {
      this.#waiting = this.#waiting.filter((it) => it !== unflushed);
    });
    this.#waiting.push(unflushed);
    tracker.add(task);
    return task;
  }

  /**
   * Enqueues the tasks that run after such an outcome: all of them, or none. Waits also for enqueues that are in flight.
   *
   * @throws TaskQueueError if one of these enqueues fails, or one has failed that no flush has told of
   */
  flush(outcome: Outcome): Promise<void> {
    this.#start(outcome);
    return this.#enqueues.settle();
  }

  /** Nobody waits for the answer: enqueues what runs after such an outcome, and skips the rest. */
  flushRest(outcome: Outcome): void {
    for (const { task } of this.#take((options) => !isWantedAfter(outcome, options))) {
      task.isNotStored(new TaskQueueError(notStoredSkipped(task.name)));
      task.skip();
    }
    this.#start(outcome);
  }

  #start(outcome: Outcome): void {
    const wanted = this.#take((options) => isWantedAfter(outcome, options));
    if (wanted.length > 0) {
      this.#enqueues.add(this.#enqueue(wanted));
    }
  }

  /** @throws TaskQueueError */
  async #enqueue(wanted: readonly UnflushedTask[]): Promise<void> {
    const queue = this.context.queues.current!;
    for (const { task, cancellation } of wanted) {
      cancellation.isEnqueueing(() => this.context.lose(task));
    }
    try {
      const ids = await queue.enqueue(wanted.map(({ prepared }) => prepared));
      wanted.forEach(({ task, cancellation }, i) => {
        const id = ids[i]!;
        task.enqueued(id, queue);
        cancellation.isEnqueued(() => queue.cancelLater(id));
      });
    } catch (error) {
      this.#refused(wanted, error);
    }
  }

  /** @throws error, unless the tasks run in this process instead */
  #refused(refused: readonly UnflushedTask[], error: unknown): void {
    const { queues, log } = this.context;
    // A flow can't run here: nobody would hand on its results.
    const isRunHere = queues.onUnavailable === 'run-here' && refused.every(({ call }) => !call.before);
    log.notEnqueued(
      refused.map(({ task }) => task),
      isRunHere,
      error,
      this.origin,
    );
    for (const { task, cancellation } of refused) {
      const { reason } = cancellation;
      if (reason) {
        task.stop(new TaskCancelledError(task.name, reason));
      } else if (isRunHere) {
        task.isNotStored(error);
      } else {
        task.fail(error);
      }
    }
    if (!isRunHere) {
      throw error;
    }
    this.runHere(refused.filter(({ task }) => !task.isSettled));
  }

  readonly #stop = (task: BackgroundTask, error: TaskCancelledError): void => {
    if (error.reason === 'shutdown') {
      this.context.lose(task);
    }
    task.stop(error);
  };

  /** Removes and returns the tasks with such options. */
  #take(isTaken: (options: ResolvedTaskOptions) => boolean): UnflushedTask[] {
    const taken: UnflushedTask[] = [];
    const left: UnflushedTask[] = [];
    for (const unflushed of this.#waiting) {
      (isTaken(unflushed.options) ? taken : left).push(unflushed);
    }
    this.#waiting = left;
    return taken;
  }
}
