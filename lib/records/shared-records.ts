import { TaskStoreError } from '../errors/unavailable.errors.ts';
import type { BackgroundTask } from '../task/handle/background-task.ts';
import type { TaskRecord } from '../task/model/task-record.ts';
import { withoutDetails } from '../util/secrets.ts';
import { settlesWithin } from '../util/settles-within.ts';
import { clearInterval, now, setImmediate, setInterval, sleep } from '../util/timers.ts';
import { MAX_TIMER } from '../validation/option-rules.ts';
import { storeUnavailable } from './records.messages.ts';
import type { TaskStore } from './task-store.ts';

/** How many records may wait to be written. Of more, the oldest are dropped: the store is down. */
const MAX_WAITING = 10_000;

/** How many records are written at once. */
const WRITERS = 16;

/** How long to wait for the store, in ms. */
export interface StorePatience {
  /** Until a call counts as failed. */
  answer: number;
  /** Before the next try. */
  retry: number;
  /** Between two warnings. */
  warning: number;
}

const PATIENCE: StorePatience = { answer: 5_000, retry: 1_000, warning: 60_000 };

/** A record is dropped when the store refuses it this often while it takes others. */
const MAX_REFUSALS = 3;

class TooLateError extends Error {
  constructor(ms: number) {
    super(`it took more than ${ms} ms`);
  }
}

/** Learns of failures of the store. */
export interface StoreObserver {
  /** Called when the store begins to fail, at most once in `StorePatience.warning` ms. */
  storeFailed(error: unknown): void;
  /** Called when the record of one task is dropped. */
  recordRefused(task: BackgroundTask, error: unknown): void;
}

/**
 * Writes records to a store in the background, and reads the records of other processes there. Tasks never wait for it.
 *
 * Up to `WRITERS` writers take records from `#waiting` until it is empty. When a write fails, only one writer stays: it
 * tries again every `StorePatience.retry` ms until the store works.
 */
export class SharedRecords {
  /** By id, the oldest state first: if a task changes faster than it can be written, only its newest state is. */
  readonly #waiting = new Map<string, BackgroundTask>();
  /** Kept between calls: a new iterator would first have to skip the places of all records that were taken. */
  #oldest = this.#waiting.values();
  /** By id: records on their way to the store. A changed one is written again afterwards, as two writes could overtake. */
  readonly #writing = new Map<string, 'unchanged' | 'changed'>();
  /** By id: how often the store failed to take a record, and `#successes` at that time. */
  readonly #refusals = new Map<string, { count: number; successes: number }>();
  /** Tasks that have not settled. The refresher writes them again before the store forgets their records. */
  readonly #unsettled = new Set<BackgroundTask>();
  #refresher?: NodeJS.Timeout;
  #writers = 0;
  /** How many records were written. */
  #successes = 0;
  #isFailing = false;
  #isStopped = false;
  #isFlushing = false;
  #pause?: AbortController;
  #warnedAt = -Infinity;
  /** How many errors the store has emitted. */
  #errors = 0;
  #lastError: unknown;
  #onIdle?: () => void;

  constructor(
    private readonly store: TaskStore,
    /** How long the store keeps a record, in ms. */
    private readonly ttl: number,
    private readonly observer: StoreObserver,
    private readonly patience = PATIENCE,
  ) {
    store.on?.('error', this.#noteError);
  }

  write(task: BackgroundTask): void {
    if (this.#isStopped) {
      return;
    }
    this.#keepAlive(task);
    if (this.#writing.has(task.id)) {
      this.#writing.set(task.id, 'changed');
      return;
    }
    this.#wait(task);
    // While the store fails, one writer is enough to notice when it works again.
    if (this.#writers === 0 || (this.#writers < WRITERS && !this.#isFailing)) {
      void this.#writeWaiting();
    }
  }

  /** @throws TaskStoreError */
  async read(id: string): Promise<TaskRecord | undefined> {
    try {
      // While the store fails, a caller waits less.
      const { answer, retry } = this.patience;
      const errors = this.#errors;
      const value = await inTime(this.store.get(keyOf(id)), this.#isFailing ? Math.min(retry, answer) : answer);
      if (value === undefined) {
        this.#assertNoError(errors);
      }
      return isRecordOf(id, value) ? value : undefined;
    } catch (error) {
      throw new TaskStoreError(storeUnavailable(id), { cause: withoutDetails(error) });
    }
  }

  /** Resolves when every record is written, when the store has failed, or after `ms` at the latest. */
  async flush(ms: number): Promise<void> {
    if (this.#writers > 0) {
      // The store may refuse one record and take the others, so each is tried once more.
      this.#isFlushing = true;
      this.#pause?.abort();
      const idle = new Promise<void>((resolve) => (this.#onIdle = resolve));
      await inTime(idle, Math.min(ms, this.patience.answer)).catch((error: unknown) => this.#warn(error));
      this.#isFlushing = false;
    }
  }

  /** Stops writing. */
  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#refresher);
    this.store.off?.('error', this.#noteError);
  }

  // A Keyv emits an error, and then resolves the call as if it had worked.
  readonly #noteError = (error: unknown): void => {
    this.#errors++;
    this.#lastError = error;
  };

  #assertNoError(errors: number): void {
    if (this.#errors > errors) {
      throw this.#lastError;
    }
  }

  #keepAlive(task: BackgroundTask): void {
    if (task.isSettled) {
      this.#unsettled.delete(task);
      if (this.#unsettled.size === 0) {
        clearInterval(this.#refresher);
        this.#refresher = undefined;
      }
    } else {
      this.#unsettled.add(task);
      if (this.ttl !== Infinity) {
        this.#refresher ??= setInterval(
          () => this.#unsettled.forEach((unsettled) => this.write(unsettled)),
          Math.min(this.ttl / 2, MAX_TIMER),
        ).unref();
      }
    }
  }

  #wait(task: BackgroundTask): void {
    this.#waiting.delete(task.id);
    this.#waiting.set(task.id, task);
    if (this.#waiting.size > MAX_WAITING) {
      this.#next();
    }
  }

  /** Takes the oldest record that waits. */
  #next(): BackgroundTask | undefined {
    let { value: oldest } = this.#oldest.next();
    if (!oldest) {
      this.#oldest = this.#waiting.values();
      ({ value: oldest } = this.#oldest.next());
    }
    if (oldest) {
      this.#waiting.delete(oldest.id);
    }
    return oldest;
  }

  async #writeWaiting(): Promise<void> {
    this.#writers++;
    // Waits a turn, since most tasks change several times in one turn.
    await new Promise(setImmediate);
    for (let task = this.#next(); task && !this.#isStopped; task = this.#next()) {
      const isWritten = await this.#writeOne(task);
      if (!isWritten && this.#writers > 1) {
        // One writer is enough to notice when the store works again.
        break;
      }
      if (!isWritten && !this.#isFlushing) {
        this.#pause = new AbortController();
        await sleep(this.patience.retry, undefined, { ref: false, signal: this.#pause.signal }).catch(() => undefined);
      }
    }
    this.#writers--;
    if (this.#writers === 0) {
      this.#onIdle?.();
    }
  }

  async #writeOne(task: BackgroundTask): Promise<boolean> {
    const { id } = task;
    this.#writing.set(id, 'unchanged');
    let isWritten = true;
    let isGivenUp = false;
    try {
      await this.#set(task);
      this.#successes++;
      this.#refusals.delete(id);
    } catch (error) {
      isWritten = false;
      isGivenUp = this.#isRefused(id);
      if (isGivenUp) {
        this.#refusals.delete(id);
        this.observer.recordRefused(task, error);
      } else if (!this.#isFailing) {
        this.#warn(error);
      }
    }
    this.#isFailing = !isWritten && !isGivenUp;
    if ((this.#isFailing && !this.#isFlushing) || this.#writing.get(id) === 'changed') {
      this.#wait(task);
    }
    this.#writing.delete(id);
    return !this.#isFailing;
  }

  async #set(task: BackgroundTask): Promise<void> {
    const errors = this.#errors;
    const writing = this.store.set(keyOf(task.id), task.toJSON(), this.ttl === Infinity ? undefined : this.ttl);
    const isWritten = await inTime(writing, this.patience.answer).catch((error: unknown) => {
      if (error instanceof TooLateError) {
        // The late write may still arrive and replace a newer one, so the newest is written again.
        writing.then(
          () => this.write(task),
          () => undefined,
        );
      }
      throw error;
    });
    this.#assertNoError(errors);
    if (isWritten === false) {
      throw new Error('it answered false');
    }
  }

  /** Counts only failures between which another record was written: a store that is down refuses every record. */
  #isRefused(id: string): boolean {
    const before = this.#refusals.get(id);
    const count = (before?.count ?? 0) + (before && before.successes === this.#successes ? 0 : 1);
    this.#refusals.set(id, { count, successes: this.#successes });
    return count >= MAX_REFUSALS;
  }

  #warn(error: unknown): void {
    const time = now();
    if (time - this.#warnedAt >= this.patience.warning) {
      this.#warnedAt = time;
      this.observer.storeFailed(error);
    }
  }
}

async function inTime<T>(answer: Promise<T>, ms: number): Promise<T> {
  // A store that a user wrote may return a plain value.
  const promise = Promise.resolve(answer);
  if (!(await settlesWithin(promise, ms, { unref: true }))) {
    throw new TooLateError(ms);
  }
  return promise;
}

const keyOf = (id: string) => `task:${id}`;

/** Other programs may keep values in the same store. */
function isRecordOf(id: string, value: unknown): value is TaskRecord {
  return typeof value === 'object' && value !== null && (value as Partial<TaskRecord>).id === id && 'status' in value;
}
