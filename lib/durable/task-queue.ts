import type { TaskOptions } from '../task/definition/task-options.ts';
import type { TaskRecord, TaskStatus } from '../task/model/task-record.ts';

/** A task on its way into a queue: what any process needs to run it. */
export interface DurableTask {
  readonly id: string;
  readonly name: string;
  readonly queue: string;
  readonly args: readonly unknown[];
  /** ms since the epoch. */
  readonly createdAt: number;
  /** Of the call, of where it is defined, and of the application: the nearest goes first. */
  readonly options: TaskOptions;
  /** Which of the arguments are to be what was done before has resulted in. */
  readonly previousAt: readonly number[];
  /** What has to be done before it, and whether their results are handed on as a list. */
  readonly before: { readonly tasks: readonly DurableTask[]; readonly isGroup: boolean } | undefined;
}

/** Which stored tasks are asked for. */
export interface DurableFilter {
  readonly queue: string;
  readonly status: TaskStatus | undefined;
  readonly name: string | undefined;
  readonly limit: number;
}

/**
 * Where tasks are stored that survive the process: what the core asks of a job queue. `nestjs-background-tasks/bullmq` is
 * one.
 *
 * @since 0.2.0
 */
export interface TaskQueue {
  /**
   * Is asked when a task is added, in the caller's time.
   *
   * @returns what `store` is to be given
   * @throws TaskArgumentError if it can't be stored
   */
  prepare(task: DurableTask): unknown;

  /**
   * Stores all of them, or none.
   *
   * @returns their ids, which are those of others where these were duplicates
   * @throws TaskQueueError
   */
  store(prepared: readonly unknown[]): Promise<readonly string[]>;

  /** @throws TaskQueueError */
  find(id: string): Promise<TaskRecord | undefined>;

  /**
   * The newest first.
   *
   * @throws TaskQueueError, InvalidOptionError if no task names that queue
   */
  list(filter: DurableFilter): Promise<TaskRecord[]>;

  /**
   * Has one that has failed, or was cancelled, run again, with all its attempts.
   *
   * @returns whether it is one that has
   * @throws TaskQueueError
   */
  retry(id: string): Promise<boolean>;

  /**
   * Resolves when it has come to its end, whichever process runs it.
   *
   * @throws never: a store that is away for a while is waited for
   */
  settled(task: TaskRecord): Promise<TaskRecord>;

  /** @returns whether there was something to end */
  cancel(id: string): Promise<boolean>;

  /** The same where nobody waits for the answer. Never throws. */
  cancelLater(id: string): void;

  /** Takes no new tasks to run; those that run go on. */
  stopTaking(): void;

  /** Lets go of the store: nothing is asked of it any more. */
  close(): Promise<void>;
}

/** What becomes of tasks that can't be stored: the request gets a 503, or they run in this process. */
export type OnUnavailable = 'throw' | 'run-here';
