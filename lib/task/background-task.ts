import { randomUUID } from 'node:crypto';
import { describe } from '../errors/describe.ts';
import type { TaskRecord, TaskStatus } from './task-record.ts';

/**
 * The handle of one task, as `addTask` and `start` return it. Reading it costs nothing; it changes as the task goes on.
 *
 * @since 0.1.0
 */
export class BackgroundTask<R = unknown> {
  /** Unguessable, so that it can be handed to a client. */
  readonly id: string = randomUUID();
  /** When it was added. */
  readonly createdAt = new Date();
  #status: TaskStatus = 'pending';
  #startedAt?: Date;
  #finishedAt?: Date;
  #result?: R;
  #error?: unknown;
  #settled?: Promise<TaskRecord<R>>;
  #resolveSettled?: (record: TaskRecord<R>) => void;

  /** @internal made by the runner */
  constructor(
    /** The function's name, `Class.method`, or the option `name`. */
    readonly name: string,
  ) {}

  get status(): TaskStatus {
    return this.#status;
  }

  /** When it began to run. */
  get startedAt(): Date | undefined {
    return this.#startedAt;
  }

  /** When it came to its end. */
  get finishedAt(): Date | undefined {
    return this.#finishedAt;
  }

  /** What it returned, once it is `completed`. */
  get result(): R | undefined {
    return this.#result;
  }

  /** What it threw, as it was thrown, once it is `failed`. */
  get error(): unknown {
    return this.#error;
  }

  /**
   * Resolves with the task's record once it has come to its end, whichever that is. Never rejects.
   *
   * @example
   * const { status, error } = await task.settled();
   */
  settled(): Promise<TaskRecord<R>> {
    return (this.#settled ??= this.#finishedAt
      ? Promise.resolve(this.toJSON())
      : new Promise((resolve) => (this.#resolveSettled = resolve)));
  }

  /** The task's record; what `JSON.stringify`, and so a handler that returns the task, makes of it. */
  toJSON(): TaskRecord<R> {
    const record: TaskRecord<R> = {
      id: this.id,
      name: this.name,
      status: this.#status,
      createdAt: this.createdAt.toISOString(),
    };
    if (this.#startedAt) {
      record.startedAt = this.#startedAt.toISOString();
    }
    if (this.#finishedAt) {
      record.finishedAt = this.#finishedAt.toISOString();
    }
    if (this.#status === 'completed') {
      record.result = this.#result;
    }
    if (this.#status === 'failed') {
      record.error = errorRecord(this.#error);
    }
    return record;
  }

  /** @internal */
  start(): void {
    this.#status = 'running';
    this.#startedAt = new Date();
  }

  /** @internal */
  complete(result: R): void {
    this.#result = result;
    this.#settle('completed');
  }

  /** @internal */
  fail(error: unknown): void {
    this.#error = error;
    this.#settle('failed');
  }

  /** @internal */
  skip(): void {
    this.#settle('skipped');
  }

  #settle(status: TaskStatus): void {
    this.#status = status;
    this.#finishedAt = new Date();
    this.#resolveSettled?.(this.toJSON());
  }
}

function errorRecord(error: unknown): { name: string; message: string } {
  try {
    return error instanceof Error
      ? { name: error.name, message: error.message }
      : { name: 'Error', message: typeof error === 'string' ? error : describe(error) };
  } catch {
    // Whatever was thrown may throw again when it is looked at.
    return { name: 'Error', message: 'an error that cannot be read' };
  }
}
