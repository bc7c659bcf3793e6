import { setTimeout as sleep } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { TaskStoreError } from '../errors/task-store.error.ts';
import { storeUnavailable } from '../messages.ts';
import type { BackgroundTask } from '../task/background-task.ts';
import type { TaskRecord } from '../task/task-record.ts';
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
}

const PATIENCE: StorePatience = { answer: 5_000, retry: 1_000 };

/** Writes records to a store, beside the tasks and never in their way, and reads those of other processes there. */
export class SharedRecords {
  /** By id, so that of a task that changes faster than it can be written only the newest state is. */
  readonly #waiting = new LRUCache<string, BackgroundTask>({ max: MAX_WAITING });
  /** Those that are being written, and whether they have changed since: two writes of one could overtake each other. */
  readonly #written = new Map<string, 'as it is' | 'changed'>();
  #writers = 0;
  #isFailing = false;

  constructor(
    private readonly store: TaskStore,
    /** ms that a record is kept. */
    private readonly ttl: number,
    /** Is told once for each time that the store begins to fail. */
    private readonly onFail: (error: unknown) => void,
    private readonly patience = PATIENCE,
  ) {}

  write(task: BackgroundTask): void {
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
      const value = await this.#inTime(this.store.get(keyOf(id)));
      return isRecordOf(id, value) ? value : undefined;
    } catch (error) {
      throw new TaskStoreError(storeUnavailable(id), { cause: error });
    }
  }

  async #writeWaiting(): Promise<void> {
    this.#writers++;
    // A turn later, since most tasks take several steps in one.
    await new Promise(setImmediate);
    for (let task = this.#waiting.pop(); task; task = this.#waiting.pop()) {
      const isWritten = await this.#writeOne(task);
      if (!isWritten && this.#writers > 1) {
        // One is enough to find out when it works again.
        break;
      }
      if (!isWritten) {
        await sleep(this.patience.retry, undefined, { ref: false });
      }
    }
    this.#writers--;
  }

  async #writeOne(task: BackgroundTask): Promise<boolean> {
    const { id } = task;
    this.#written.set(id, 'as it is');
    let isWritten = true;
    try {
      await this.#inTime(this.store.set(keyOf(id), plain(task.toJSON()), this.ttl));
    } catch (error) {
      isWritten = false;
      if (!this.#isFailing) {
        this.onFail(error);
      }
    }
    this.#isFailing = !isWritten;
    if (!isWritten || this.#written.get(id) === 'changed') {
      this.#waiting.set(id, task);
    }
    this.#written.delete(id);
    return isWritten;
  }

  async #inTime<T>(promise: Promise<T>): Promise<T> {
    const { answer } = this.patience;
    const late = new AbortController();
    const tooLate = sleep(answer, undefined, { ref: false, signal: late.signal }).then(() => {
      throw new Error(`it took more than ${answer} ms`);
    });
    try {
      return await Promise.race([promise, tooLate]);
    } finally {
      late.abort();
    }
  }
}

const keyOf = (id: string) => `task:${id}`;

/** JSON of all that can be said in it: a result that can't be is left out. */
function plain(record: TaskRecord): unknown {
  try {
    return JSON.parse(JSON.stringify(record));
  } catch {
    const { result: _result, progress: _progress, ...others } = record;
    return others;
  }
}

/** Others may keep something in the same store. */
function isRecordOf(id: string, value: unknown): value is TaskRecord {
  return typeof value === 'object' && value !== null && (value as Partial<TaskRecord>).id === id && 'status' in value;
}
