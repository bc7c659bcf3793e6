import type { TaskOptions } from '../task/definition/task-options.ts';
import type { TaskCarrier } from '../task/model/task-carrier.ts';
import type { QueueStats } from '../task/model/queue-stats.ts';
import type { TaskError, TaskRecord, TaskStatus } from '../task/model/task-record.ts';
import type { EnqueuedInTransaction, Transaction } from './transaction.ts';

/** A task on its way into a queue: all that another process needs to run it. */
export interface DurableTask {
  readonly id: string;
  readonly name: string;
  readonly queue: string;
  readonly args: readonly unknown[];
  /** ms since the epoch. */
  readonly createdAt: number;
  /** The route of the request that added it. The queue keeps it for the task's record. */
  readonly route?: string | undefined;
  /** Merged: the options of the call override those of the definition, and those override the application's defaults. */
  readonly options: TaskOptions;
  /** The positions in `args` that take the results of the tasks in `before`. */
  readonly previousAt: readonly number[];
  /** The tasks that have to complete first. A group passes on their results as one list, a chain the only result. */
  readonly before: { readonly tasks: readonly DurableTask[]; readonly isGroup: boolean } | undefined;
}

/**
 * When a task with the option `repeat` runs.
 *
 * @since 0.1.0
 */
export interface TaskSchedule {
  name: string;
  queue: string;
  /** ms between two runs. */
  every?: number;
  /** A cron pattern, and its time zone. */
  pattern?: string;
  tz?: string;
  /** The next run, as an ISO 8601 string. `undefined` if the task does not run by itself. */
  next?: string;
  /** When the latest run that the queue still has began, as an ISO 8601 string. */
  lastRun?: string;
}

/**
 * One attempt of a task.
 *
 * @since 0.1.0
 */
export interface AttemptRecord {
  /** Counts from 1. */
  attempt: number;
  /** When it began, as an ISO 8601 string. */
  startedAt?: string;
  /** When it ended, as an ISO 8601 string. */
  finishedAt?: string;
  /** Why it failed. */
  error?: TaskError;
  /** ms from its end until the next attempt. */
  delay?: number;
}

/** What a queue knows of a task beyond its record. */
export interface TaskDetails {
  /** The attempts that failed, and the one that ended the task, the first one first. A queue may have forgotten some. */
  readonly attempts: readonly AttemptRecord[];
  /** `undefined` if they can't be read. */
  readonly args: readonly unknown[] | undefined;
}

/** Which durable tasks `list` returns. An `undefined` field matches every task. */
export interface DurableFilter {
  readonly queue: string;
  readonly status: TaskStatus | undefined;
  readonly name: string | undefined;
  readonly limit: number;
}

/**
 * The port for job queues: what the core calls, and an adapter such as `nestjs-background-tasks/bullmq` implements.
 *
 * An adapter calls `TaskQueueHost.register` in its constructor. It runs tasks through `AttemptRunner`.
 *
 * Order of calls: `prepare` and then `enqueue` for each task; `find`, `latest`, `list`, `retry`, `cancel`, `settled`,
 * `pause`, `resume`, `schedules` and `details` at any time;
 * `stopClaiming` once, when the application begins to close; `close` once, at the end. Between the two, the tasks that are
 * still running may add others, so `enqueue` goes on working. After `close` the core calls nothing.
 *
 * Calls may overlap. A method that talks to the server rejects with a TaskQueueError when the server fails or is too slow.
 * The core sets no time limits: the adapter does.
 *
 * @since 0.1.0
 */
export interface TaskQueue {
  /**
   * How many tasks `enqueue` takes at once, counting the tasks that have to complete before them. `addTask` throws
   * TooManyTasksError beyond it. Default: no limit.
   */
  readonly maxAtOnce?: number;

  /** Whether the queue makes spans of its own, so that instrumentations of this package make no second one. */
  readonly isTraced?: boolean;

  /**
   * Turns a task into what `enqueue` takes. The core calls it inside `addTask` and `start`.
   *
   * Synchronous and without I/O. It copies the arguments, because the caller may change them before the flush.
   *
   * @throws TaskArgumentError if an argument can't be serialized, or is too large: the caller of `addTask` gets it
   */
  prepare(task: DurableTask): unknown;

  /**
   * Enqueues all of these tasks or none, also where they go to different queues.
   *
   * The response waits for it, so it needs a short time limit. The core calls it once for each prepared task and never
   * again: after a rejection the client gets a 503, or the tasks run in this process. A server can enqueue the tasks and
   * still not answer. The adapter therefore removes such tasks as soon as the server answers again.
   *
   * @param prepared at least one
   * @param carrier travels with each of them, also with the tasks that have to complete before: the adapter passes it to
   * `AttemptRunner.run`. It is not an argument of the task, and no limit of a size counts it
   * @returns the ids in the order of `prepared`; for a duplicate, the id of the task that is in the queue already
   * @throws TaskQueueError if none was enqueued, or the adapter can't tell
   */
  enqueue(prepared: readonly unknown[], carrier?: TaskCarrier): Promise<readonly string[]>;

  /**
   * Enqueues all of these tasks or none, in the application's own transaction: workers see them once it has committed.
   *
   * An adapter leaves it out if no transaction of an application can reach its queue.
   *
   * @throws TaskArgumentError if the transaction can't reach the queue
   * @throws TaskQueueError if none was enqueued
   */
  enqueueIn?(
    transaction: Transaction,
    prepared: readonly unknown[],
    carrier?: TaskCarrier,
  ): Promise<EnqueuedInTransaction>;

  /**
   * Finds a task in all queues by its id.
   *
   * @param id any string, perhaps from a client
   * @returns the task's record; `undefined` if no queue has it
   * @throws TaskQueueError
   */
  find(id: string): Promise<TaskRecord | undefined>;

  /**
   * Reads the record of a task again. When the queue no longer has the task, tells what is known of its end, or `cancelled`,
   * because the task was removed.
   *
   * @param task the record as this process last knew it
   * @throws TaskQueueError
   */
  latest(task: TaskRecord): Promise<TaskRecord>;

  /**
   * Reads the records of a queue, the newest first, at most `limit`. Status, result, error and times of each belong together.
   *
   * @throws TaskQueueError; InvalidOptionError if no task names that queue
   */
  list(filter: DurableFilter): Promise<TaskRecord[]>;

  /**
   * Counts the tasks of each queue that this application names, in one request to the server.
   *
   * An adapter leaves it out if it can't count them.
   *
   * @throws TaskQueueError
   */
  stats?(): Promise<QueueStats[]>;

  /**
   * Enqueues a failed or cancelled task again, with all its attempts. In a chain or group, it also retries the failed
   * tasks before this one.
   *
   * When several processes call it at once, the task is enqueued once.
   *
   * @returns false if there is no such task, or it neither failed nor was cancelled
   * @throws TaskQueueError
   */
  retry(id: string): Promise<boolean>;

  /**
   * Resolves with the task's final record when the task has settled, in any process.
   *
   * Never rejects: while the server is unavailable, it waits. It does not keep the process alive. When the queue no longer has the
   * task, it resolves at once with what `latest` tells.
   *
   * @param task the record as this process last knew it
   */
  settled(task: TaskRecord): Promise<TaskRecord>;

  /**
   * Cancels a task in any process. A pending task never runs. If it runs, the process that runs it aborts the signal.
   * In a chain or group, it also cancels the tasks before this one. The task's deduplication id is free at once.
   *
   * May be called again for the same task.
   *
   * @returns false if there is no such task, it has settled, or it is pending and was cancelled before
   * @throws TaskQueueError
   */
  cancel(id: string): Promise<boolean>;

  /**
   * Lets no process claim tasks of a queue until `resume`. Attempts that are running go on, and tasks can be enqueued.
   *
   * An adapter leaves out `pause`, `resume`, `schedules` and `details` if its queue can't do them.
   *
   * @throws TaskQueueError; InvalidOptionError if no task names that queue
   */
  pause?(queue: string): Promise<void>;

  /**
   * Ends `pause`.
   *
   * @throws TaskQueueError; InvalidOptionError if no task names that queue
   */
  resume?(queue: string): Promise<void>;

  /**
   * Lists the schedules of all queues, also those of other processes.
   *
   * @throws TaskQueueError
   */
  schedules?(): Promise<readonly TaskSchedule[]>;

  /**
   * Reads the attempts and the arguments of a task.
   *
   * @param id any string, perhaps from a client
   * @returns `undefined` if no queue has the task
   * @throws TaskQueueError
   */
  details?(id: string): Promise<TaskDetails | undefined>;

  /** Calls `cancel` in the background. Never throws. */
  cancelLater(id: string): void;

  /**
   * Claims no more tasks. Attempts that are running go on. It may come before the first claim, and must not throw.
   *
   * An adapter releases what it claims too late, so that another process runs it.
   */
  stopClaiming(): void;

  /** Closes all connections. The application waits for it to close, so it has to resolve within seconds. */
  close(): Promise<void>;
}

/** What happens to tasks that can't be enqueued. `throw`: the client gets a 503. `run-here`: this process runs them. */
export type OnUnavailable = 'throw' | 'run-here';
