import { sizeOf, toDurableTask } from '../durable/durable-task.ts';
import { noTransactions, rolledBack, tooManyAtOnce } from '../durable/durable.messages.ts';
import type { TaskQueue } from '../durable/task-queue.ts';
import type { Transaction } from '../durable/transaction.ts';
import type { TaskQueueHost } from '../durable/task-queue-host.ts';
import { TaskArgumentError, TaskCancelledError } from '../errors/task.errors.ts';
import { TaskQueueError, TooManyTasksError } from '../errors/unavailable.errors.ts';
import { enqueueChannel } from '../observe/channels.ts';
import { tracedEnqueue } from '../observe/traces.ts';
import type { TaskHistory } from '../records/task-history.ts';
import type { TaskCall } from '../task/call/task-call.ts';
import type { TaskOptions } from '../task/definition/task-options.ts';
import { BackgroundTask } from '../task/handle/background-task.ts';
import { currentTask } from '../task/handle/current-task.ts';
import type { TaskCarrier } from '../task/model/task-carrier.ts';
import type { RequestOrigin, TaskRoute } from '../task/model/task-route.ts';
import type { Admission } from './admission.ts';
import { discarded, notStoredSkipped } from './engine.messages.ts';
import { EnqueuesByAttempt, type PendingEnqueues } from './pending-enqueues.ts';
import { isWantedAfter, type Outcome, type ResolvedTaskOptions } from './task-entry.ts';
import type { TaskLifecycle } from './task-lifecycle.ts';
import type { TaskLog } from './task-log.ts';
import type { TaskTracker } from './task-tracker.ts';
import { UnflushedCancellation } from './unflushed-cancellation.ts';

/** What the unflushed tasks of all lists share. */
export interface FlushContext {
  readonly queues: TaskQueueHost;
  readonly admission: Admission;
  readonly tracker: TaskTracker;
  readonly lifecycle: TaskLifecycle;
  readonly history: TaskHistory;
  readonly log: TaskLog;
  /** Options of the application. */
  readonly defaults: ResolvedTaskOptions;
  /** Whether the messages of channels have arguments and results. */
  readonly showsArguments: boolean;
}

/** A durable task that is not in its queue yet. */
export interface UnflushedTask {
  readonly task: BackgroundTask;
  readonly call: TaskCall;
  readonly options: ResolvedTaskOptions;
  readonly cancellation: UnflushedCancellation;
  /** What `TaskQueue.prepare` returned. */
  readonly prepared: unknown;
  /** How many tasks it is, with the steps before it. */
  readonly size: number;
}

// Functions of their own: the history keeps handles, and a closure of a method would keep the list and its request.
const loseLater = (lifecycle: TaskLifecycle, task: BackgroundTask) => () => lifecycle.lose(task);
const cancelLater = (queue: TaskQueue, id: string) => () => queue.cancelLater(id);

/** The durable tasks of one list, until they are in their queues. */
export class UnflushedTasks {
  #waiting: UnflushedTask[] = [];
  /** How many tasks wait, with the steps before them. */
  #size = 0;
  readonly #enqueues = new EnqueuesByAttempt();

  /**
   * @param runHere is given each task that runs in this process because its queue is down
   * @param isOpen whether the tasks of the list run, so that each running attempt flushes what it added itself
   */
  constructor(
    private readonly context: FlushContext,
    private readonly origin: RequestOrigin | undefined,
    private readonly runHere: (task: UnflushedTask) => void,
    private readonly isOpen: () => boolean,
    private readonly route: TaskRoute | undefined,
  ) {}

  /** Whether a flush after such an outcome has something to enqueue or to wait for. */
  mustFlush(outcome: Outcome): boolean {
    return !this.#current.isEmpty || this.#waiting.some(({ options }) => isWantedAfter(outcome, options));
  }

  /** @throws UnavailableError, TaskArgumentError */
  add(call: TaskCall, given: TaskOptions, options: ResolvedTaskOptions): BackgroundTask {
    const { queues, admission, tracker, lifecycle, defaults } = this.context;
    // Every process knows the task by this name, so the option `name` of one call doesn't count.
    const { name } = call;
    const queue = queues.of(call);
    admission.check(name);
    const task = new BackgroundTask(name, tracker, undefined, call.definition?.queue, 'queue', this.route);
    task.waitsForQueue();
    const durable = toDurableTask(task, call, given, defaults, options);
    const size = sizeOf(durable);
    const { maxAtOnce } = queue;
    if (maxAtOnce !== undefined && this.#size + size > maxAtOnce) {
      throw admission.refuse(new TooManyTasksError(tooManyAtOnce(name, maxAtOnce)));
    }
    const prepared = queue.prepare(durable);
    const leave = () => {
      this.#waiting = this.#waiting.filter((it) => it !== unflushed);
      this.#size -= size;
    };
    const cancellation = new UnflushedCancellation(task, leave, lifecycle.stop);
    const unflushed: UnflushedTask = { task, call, options, cancellation, prepared, size };
    this.#waiting.push(unflushed);
    this.#size += size;
    tracker.add(task);
    return task;
  }

  /**
   * Enqueues the tasks that run after this outcome: all of them, or none. Waits also for enqueues that are in flight.
   *
   * @throws TaskQueueError if one of these enqueues fails, or an earlier one has failed and no flush has told of it
   */
  flush(outcome: Outcome): Promise<void> {
    this.#start(outcome);
    return this.#current.settle();
  }

  /**
   * Enqueues the tasks that run on success in the application's own transaction: all of them, or none. Until the
   * transaction has ended, they are pending in this process. A rollback skips them.
   *
   * @throws TaskQueueError, TaskArgumentError
   */
  async flushIn(transaction: Transaction): Promise<void> {
    const { queues } = this.context;
    const queue = queues.current!;
    if (!queue.enqueueIn) {
      throw new TaskArgumentError(noTransactions());
    }
    const wanted = this.#take((options) => isWantedAfter('success', options));
    if (wanted.length === 0) {
      return;
    }
    this.#goToQueue(wanted);
    try {
      const prepared = wanted.map((it) => it.prepared);
      const { ids, ended } = await this.#traced(wanted, queue, (carrier) =>
        queue.enqueueIn!(transaction, prepared, carrier),
      );
      wanted.forEach((unflushed, i) => {
        unflushed.task.isInTransaction();
        unflushed.cancellation.entersTransaction(() => this.#arrive(unflushed, queue, ids[i]!));
      });
      void ended.then((stored) => this.#endTransaction(wanted, ids, stored));
    } catch (error) {
      this.#refused(wanted, error, false);
    }
  }

  /** Skips the tasks that are not in a queue yet. */
  discard(): void {
    this.#skip(() => true, discarded);
  }

  /** Enqueues the tasks that run after this outcome, and skips the others. No caller waits for it: the log and the handles tell. */
  flushRest(outcome: Outcome): void {
    this.#skip((options) => !isWantedAfter(outcome, options), notStoredSkipped);
    this.#start(outcome);
  }

  #skip(isSkipped: (options: ResolvedTaskOptions) => boolean, why: (name: string) => string): void {
    for (const { task } of this.#take(isSkipped)) {
      // A subscriber that hears of one skipped task can cancel the next.
      if (!task.isSettled) {
        task.isNotStored(new TaskQueueError(why(task.name)));
        task.skip();
      }
    }
  }

  get #current(): PendingEnqueues {
    return this.#enqueues.of(this.isOpen() ? currentTask() : undefined);
  }

  #start(outcome: Outcome): void {
    const wanted = this.#take((options) => isWantedAfter(outcome, options));
    if (wanted.length > 0) {
      this.#current.add(this.#enqueue(wanted));
    }
  }

  /** @throws TaskQueueError */
  async #enqueue(wanted: readonly UnflushedTask[]): Promise<void> {
    const { queues } = this.context;
    const queue = queues.current!;
    this.#goToQueue(wanted);
    try {
      const prepared = wanted.map((it) => it.prepared);
      const ids = await (enqueueChannel.hasSubscribers
        ? this.#traced(wanted, queue, (carrier) => queue.enqueue(prepared, carrier))
        : queue.enqueue(prepared));
      for (const [i, unflushed] of wanted.entries()) {
        this.#arrive(unflushed, queue, ids[i]!);
      }
    } catch (error) {
      this.#refused(wanted, error, queues.onUnavailable === 'run-here');
    }
  }

  /** Traces in the async context in which the first task was added: a flush can come from anywhere. */
  #traced<T>(
    wanted: readonly UnflushedTask[],
    queue: TaskQueue,
    enqueue: (carrier?: TaskCarrier) => Promise<T>,
  ): Promise<T> {
    if (!enqueueChannel.hasSubscribers) {
      return enqueue();
    }
    const tasks = wanted.map(({ task }) => task);
    const { showsArguments } = this.context;
    return wanted[0]!.call.scope.runInAsyncScope(() =>
      tracedEnqueue(tasks, showsArguments, queue.isTraced ?? false, enqueue),
    );
  }

  #goToQueue(tasks: readonly UnflushedTask[]): void {
    for (const { task, cancellation } of tasks) {
      cancellation.goesToQueue(loseLater(this.context.lifecycle, task));
    }
  }

  #arrive({ task, cancellation }: UnflushedTask, queue: TaskQueue, id: string): void {
    task.enqueued(id, queue);
    cancellation.arrivesInQueue(cancelLater(queue, id));
  }

  /** @param stored for each task, whether the queue has it; `undefined` if nobody can tell any more */
  #endTransaction(
    tasks: readonly UnflushedTask[],
    ids: readonly string[],
    stored: readonly boolean[] | undefined,
  ): void {
    const queue = this.context.queues.current!;
    tasks.forEach((unflushed, i) => {
      if (unflushed.task.isEnqueued) {
        // The application has begun to close.
      } else if (stored === undefined || stored[i]) {
        this.#arrive(unflushed, queue, ids[i]!);
      } else {
        const { task } = unflushed;
        task.skip(new TaskQueueError(rolledBack(task.name)));
        // Like the rows of the transaction, it has never existed.
        this.context.history.drop(task);
      }
    });
  }

  /** @throws error, unless the tasks run in this process instead */
  #refused(refused: readonly UnflushedTask[], error: unknown, mayRunHere: boolean): void {
    const { log } = this.context;
    // A flow can't run here: only the queue passes results from step to step.
    const isRunHere = mayRunHere && refused.every(({ call }) => !call.before);
    log.notEnqueued(
      refused.map(({ task }) => task),
      isRunHere,
      error,
      this.origin,
    );
    // One after the other: a subscriber that hears of one task can cancel any other.
    for (const unflushed of refused) {
      const { task, cancellation } = unflushed;
      if (cancellation.requested) {
        task.stop(new TaskCancelledError(task.name, cancellation.requested));
      } else if (isRunHere) {
        task.isNotStored(error);
        this.runHere(unflushed);
      } else {
        task.fail(error);
      }
    }
    if (!isRunHere) {
      throw error;
    }
  }

  /** Removes and returns the tasks whose options match. */
  #take(isTaken: (options: ResolvedTaskOptions) => boolean): UnflushedTask[] {
    if (this.#waiting.length === 0) {
      return this.#waiting;
    }
    const taken: UnflushedTask[] = [];
    const left: UnflushedTask[] = [];
    for (const unflushed of this.#waiting) {
      if (isTaken(unflushed.options)) {
        taken.push(unflushed);
        this.#size -= unflushed.size;
      } else {
        left.push(unflushed);
      }
    }
    this.#waiting = left;
    return taken;
  }
}
