import { randomUUID } from 'node:crypto';
import type { CancelReason } from '../../errors/task.errors.ts';
import {
  errorRecord,
  plainRecord,
  type TaskEnd,
  type TaskProgress,
  type TaskRecord,
  type TaskStatus,
} from '../model/task-record.ts';

/** From which status a task can get to which. Those that are not named here are ends. */
const TRANSITIONS: { readonly [status in TaskStatus]?: readonly TaskStatus[] } = {
  // Failed at once: it could not be stored.
  pending: ['running', 'failed', 'skipped', 'cancelled'],
  // Back to pending between attempts.
  running: ['pending', 'completed', 'failed', 'cancelled'],
};

/** How many there were before it, in this process: two can be added in the same millisecond. */
let count = 0;

/** What is known of a task that another process has made. */
export interface RestoredTask {
  readonly id: string;
  /** ms since the epoch. */
  readonly createdAt: number;
  /** How many have begun so far. */
  readonly attempts: number;
}

/** Where a task goes on that is stored. */
export interface DurableTasks {
  /** Resolves when it has come to its end, wherever that is. */
  settled(task: TaskRecord): Promise<TaskRecord>;
  /** Asks for its end. Never throws. */
  cancelLater(id: string): void;
}

/** Tasks by their ids: those whose ids somebody has read, since nobody can ask for others. */
export type TaskIds = Map<string, BackgroundTask>;

/**
 * The handle of one task, as `addTask` and `start` return it. Reading it costs nothing; it changes as the task goes on.
 *
 * @since 0.1.0
 */
export class BackgroundTask<R = unknown> {
  /** @internal in which order they were added */
  readonly sequence = count++;
  #id?: string;
  #ids: TaskIds | undefined;
  #status: TaskStatus = 'pending';
  // As numbers, since of most tasks nobody asks for them: Dates would be more than all the rest of what is kept.
  readonly #createdAt: number;
  #startedAt: number | undefined;
  #finishedAt: number | undefined;
  #attempts = 0;
  #progress?: TaskProgress;
  #result?: R;
  #error?: unknown;
  #cancel?: (reason: CancelReason) => boolean;
  #settled?: Promise<TaskRecord<R>>;
  #onSettled?: () => void;
  #onStored?: (where: DurableTasks) => void;
  #stored?: DurableTasks;

  /** @internal made by the runner */
  constructor(
    /** The function's name, `Class.method`, or the option `name`. */
    readonly name: string,
    ids?: TaskIds,
    restored?: RestoredTask,
  ) {
    this.#ids = ids;
    this.#createdAt = restored?.createdAt ?? Date.now();
    if (restored) {
      this.#id = restored.id;
      this.#attempts = restored.attempts;
      ids?.set(restored.id, this);
    }
  }

  /** Unguessable, so that it can be handed to a client. */
  get id(): string {
    // Made when somebody reads it: to make it, and to keep tasks by it, would cost as much as all else of a short task.
    if (this.#id === undefined) {
      this.#id = randomUUID();
      this.#ids?.set(this.#id, this);
    }
    return this.#id;
  }

  get status(): TaskStatus {
    return this.#status;
  }

  /** When it was added. */
  get createdAt(): Date {
    return new Date(this.#createdAt);
  }

  /** When its first attempt began. */
  get startedAt(): Date | undefined {
    return dateOf(this.#startedAt);
  }

  /** When it came to its end. */
  get finishedAt(): Date | undefined {
    return dateOf(this.#finishedAt);
  }

  /** @internal whether it has come to its end */
  get isSettled(): boolean {
    return this.#finishedAt !== undefined;
  }

  /** How many attempts have begun. */
  get attempts(): number {
    return this.#attempts;
  }

  /** What the task last said by `currentTask().updateProgress(…)`. */
  get progress(): TaskProgress | undefined {
    return this.#progress;
  }

  /** What it returned, once it is `completed`. */
  get result(): R | undefined {
    return this.#result;
  }

  /**
   * What it threw, as it was thrown, once it is `failed`, or between two attempts; why it was stopped, once it is
   * `cancelled`.
   */
  get error(): unknown {
    return this.#error;
  }

  /**
   * Ends the task: one that is pending never runs; one that is running has its signal aborted, and in a thread is killed.
   * On the event loop a function that ignores its signal goes on, unseen.
   *
   * @returns whether it ends the task: not if that has come to its end, or is about to for another reason
   */
  cancel(): boolean {
    return this.cancelFor('requested');
  }

  /**
   * Resolves with the task's record once it has come to its end, whichever that is. Never rejects.
   *
   * @example
   * const { status, error } = await task.settled();
   */
  settled(): Promise<TaskRecord<R>> {
    return (this.#settled ??= this.isSettled
      ? Promise.resolve(this.toRecord())
      : new Promise((resolve) => {
          this.#onSettled = () => resolve(this.toRecord());
          this.#onStored = (where) => resolve(where.settled(this.toRecord()) as Promise<TaskRecord<R>>);
          if (this.#stored) {
            this.#onStored(this.#stored);
          }
        }));
  }

  /** The task's record as JSON; what `JSON.stringify`, and so a handler that returns the task, makes of it. */
  toJSON(): TaskRecord {
    return plainRecord(this.toRecord());
  }

  /** @internal with its result and progress as they are */
  toRecord(): TaskRecord<R> {
    const record: TaskRecord<R> = {
      id: this.id,
      name: this.name,
      status: this.#status,
      attempts: this.#attempts,
      createdAt: toISOString(this.#createdAt),
    };
    if (this.#startedAt !== undefined) {
      record.startedAt = toISOString(this.#startedAt);
    }
    if (this.#finishedAt !== undefined) {
      record.finishedAt = toISOString(this.#finishedAt);
    }
    if (this.#progress !== undefined) {
      record.progress = this.#progress;
    }
    if (this.#status === 'completed') {
      record.result = this.#result;
    }
    if (this.#error !== undefined || this.#status === 'failed') {
      record.error = errorRecord(this.#error);
    }
    return record;
  }

  /** @internal it is somebody else's from now on; @param id another where it was there already */
  stored(id: string, where: DurableTasks): void {
    this.forget();
    this.#id = id;
    this.#stored = where;
    this.onCancel(() => {
      where.cancelLater(id);
      return true;
    });
    this.#onStored?.(where);
  }

  /** @internal to be called when it is not to be found by its id any more */
  forget(): void {
    if (this.#id !== undefined) {
      this.#ids?.delete(this.#id);
    }
    this.#ids = undefined;
  }

  /** @internal */
  cancelFor(reason: CancelReason): boolean {
    const cancel = this.#cancel;
    this.#cancel = undefined;
    return cancel?.(reason) ?? false;
  }

  /** @internal @param cancel returns whether it ends the task */
  onCancel(cancel: (reason: CancelReason) => boolean): void {
    this.#cancel = cancel;
  }

  /** @internal */
  start(): void {
    this.#become('running');
    this.#attempts++;
    this.#error = undefined;
    this.#startedAt ??= Date.now();
  }

  /** @internal */
  update(progress: TaskProgress): void {
    this.#progress = progress;
  }

  /** @internal an attempt has failed, and there will be another */
  retry(error: unknown): void {
    this.#become('pending');
    this.#error = error;
  }

  /** @internal */
  complete(result: R): void {
    this.#end('completed');
    this.#result = result;
    this.#error = undefined;
    this.#onSettled?.();
  }

  /** @internal */
  fail(error: unknown): void {
    this.#end('failed');
    this.#error = error;
    this.#onSettled?.();
  }

  /** @internal */
  stop(reason: Error): void {
    this.#end('cancelled');
    this.#error = reason;
    this.#onSettled?.();
  }

  /** @internal */
  skip(): void {
    this.#end('skipped');
    this.#onSettled?.();
  }

  #end(status: TaskEnd): void {
    this.#become(status);
    this.#finishedAt = Date.now();
    this.#cancel = undefined;
  }

  #become(status: TaskStatus): void {
    if (!TRANSITIONS[this.#status]?.includes(status)) {
      throw new TypeError(`a task can't become ${status} when it is ${this.#status}`);
    }
    this.#status = status;
  }
}

function dateOf(time: number | undefined): Date | undefined {
  return time === undefined ? undefined : new Date(time);
}

function toISOString(time: number): string {
  return new Date(time).toISOString();
}
