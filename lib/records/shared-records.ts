import { setTimeout as sleep } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { TaskStoreError } from '../errors/unavailable.errors.ts';
import type { BackgroundTask } from '../task/handle/background-task.ts';
import type { TaskRecord } from '../task/model/task-record.ts';
import { settlesWithin } from '../util/settles-within.ts';
import { MAX_TIMER } from '../validation/option-rules.ts';
import { storeUnavailable } from './records.messages.ts';
import type { TaskStore } from './task-store.ts';

/** How many records wait to be written at the most: of a store that is down for long, the oldest are given up. */
const MAX_WAITING = 10_000;

/** How many are written at once. */
const WRITERS = 16;

/** How long to wait for the store, in ms. */
export interface StorePatience {
  /** For an answer. */
  answer: number;
  /** Before it is tried again. */
  retry: number;
  /** Between two warnings. */
  warning: number;
}

const PATIENCE: StorePatience = { answer: 5_000, retry: 1_000, warning: 60_000 };

/** A record that the store refuses so often, while it takes others, is given up. */
const MAX_REFUSALS = 3;

class TooLateError extends Error {
  constructor(ms: number) {
    super(`it took more than ${ms} ms`);
  }
}

/** Who is told of what a store does not do. */
export interface StoreObserver {
  /** When it begins to fail, and not too often. */
  storeFailed(error: unknown): void;
  recordRefused(task: BackgroundTask, error: unknown): void;
}

/** Writes records to a store, beside the tasks and never in their way, and reads those of other processes there. */
export class SharedRecords {
  /** By id, so that of a task that changes faster than it can be written only the newest state is. */
  readonly #waiting = new LRUCache<string, BackgroundTask>({ max: MAX_WAITING });
  /** Those that are being written, and whether they have changed since: two writes of one could overtake each other. */
  readonly #written = new Map<string, 'as it is' | 'changed'>();
  readonly #refusals = new Map<string, { count: number; successes: number }>();
  /** Those that go on, whose records would be forgotten meanwhile. */
  readonly #unsettled = new Set<BackgroundTask>();
  #refresher?: NodeJS.Timeout;
  #writers = 0;
  #successes = 0;
  #isFailing = false;
  #isStopped = false;
  #isFlushing = false;
  #pause?: AbortController;
  #warnedAt = -Infinity;
  #errors = 0;
  #lastError: unknown;
  #onIdle?: () => void;

  constructor(
    private readonly store: TaskStore,
    /** ms that a record is kept. */
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
    if (this.#written.has(task.id)) {
      this.#written.set(task.id, 'changed');
      return;
    }
    this.#waiting.set(task.id, task);
    // While it fails, the one that found out finds out when it works again.
    if (this.#writers === 0 || (this.#writers < WRITERS && !this.#isFailing)) {
      void this.#writeWaiting();
    }
  }

  /** @throws TaskStoreError */
  async read(id: string): Promise<TaskRecord | undefined> {
    try {
      // There is no point in waiting long for one that is known not to answer.
      const { answer, retry } = this.patience;
      const errors = this.#errors;
      const value = await inTime(this.store.get(keyOf(id)), this.#isFailing ? Math.min(retry, answer) : answer);
      if (value === undefined) {
        this.#assertNoError(errors);
      }
      return isRecordOf(id, value) ? value : undefined;
    } catch (error) {
      throw new TaskStoreError(storeUnavailable(id), { cause: error });
    }
  }

  /**
   * Resolves when everything is written, or the store has failed, or has had its time.
   *
   * @param ms how long to wait at the most
   */
  async flush(ms: number): Promise<void> {
    if (this.#writers > 0) {
      // One that refuses a record may take the others: each is tried once more.
      this.#isFlushing = true;
      this.#pause?.abort();
      const idle = new Promise<void>((resolve) => (this.#onIdle = resolve));
      await inTime(idle, Math.min(ms, this.patience.answer)).catch((error: unknown) => this.#warn(error));
      this.#isFlushing = false;
    }
  }

  /** Writes no more. */
  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#refresher);
    this.store.off?.('error', this.#noteError);
  }

  // A Keyv tells of errors this way, and then resolves as if nothing had been.
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

  async #writeWaiting(): Promise<void> {
    this.#writers++;
    // A turn later, since most tasks take several steps in one.
    await new Promise(setImmediate);
    for (let task = this.#waiting.pop(); task && !this.#isStopped; task = this.#waiting.pop()) {
      const isWritten = await this.#writeOne(task);
      if (!isWritten && this.#writers > 1) {
        // One is enough to find out when it works again.
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
    this.#written.set(id, 'as it is');
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
    if ((this.#isFailing && !this.#isFlushing) || this.#written.get(id) === 'changed') {
      this.#waiting.set(id, task);
    }
    this.#written.delete(id);
    return !this.#isFailing;
  }

  async #set(task: BackgroundTask): Promise<void> {
    const errors = this.#errors;
    const writing = this.store.set(keyOf(task.id), task.toJSON(), this.ttl === Infinity ? undefined : this.ttl);
    const isWritten = await inTime(writing, this.patience.answer).catch((error: unknown) => {
      if (error instanceof TooLateError) {
        // It may arrive yet, over what was written after it.
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

  /** Counts only how often it failed while others didn't: a store that is down refuses nobody in particular. */
  #isRefused(id: string): boolean {
    const before = this.#refusals.get(id);
    const count = (before?.count ?? 0) + (before && before.successes === this.#successes ? 0 : 1);
    this.#refusals.set(id, { count, successes: this.#successes });
    return count >= MAX_REFUSALS;
  }

  #warn(error: unknown): void {
    const now = performance.now();
    if (now - this.#warnedAt >= this.patience.warning) {
      this.#warnedAt = now;
      this.observer.storeFailed(error);
    }
  }
}

async function inTime<T>(answer: Promise<T>, ms: number): Promise<T> {
  // A store of one's own may answer at once, whatever its type says.
  const promise = Promise.resolve(answer);
  if (!(await settlesWithin(promise, ms, false))) {
    throw new TooLateError(ms);
  }
  return promise;
}

const keyOf = (id: string) => `task:${id}`;

/** Others may keep something in the same store. */
function isRecordOf(id: string, value: unknown): value is TaskRecord {
  return typeof value === 'object' && value !== null && (value as Partial<TaskRecord>).id === id && 'status' in value;
}
