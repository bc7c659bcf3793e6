import { LRUCache } from 'lru-cache';
import type { BackgroundTask } from '../task/handle/background-task.ts';
import type { SharedRecords } from './shared-records.ts';

/**
 * Remembers the newest tasks that have settled and the newest that this process has enqueued. If there is a store, it
 * writes every change there.
 */
export class TaskHistory {
  /** Settled tasks by sequence number. `undefined` if the option `history.max` is 0. */
  readonly #settled: LRUCache<number, BackgroundTask> | undefined;
  /** Enqueued tasks by sequence number. Made with the first one, because most applications have none. */
  #enqueued?: LRUCache<number, BackgroundTask>;

  /** @param ttl ms */
  constructor(
    private readonly max: number,
    private readonly ttl: number,
    readonly shared: SharedRecords | undefined,
  ) {
    this.#settled =
      max > 0
        ? new LRUCache({ max, ...(ttl !== Infinity && { ttl }), dispose: (task: BackgroundTask) => task.forget() })
        : undefined;
  }

  changed(task: BackgroundTask): void {
    this.shared?.write(task);
    if (task.isEnqueued && !task.isAttempt && this.max > 0) {
      const { max, ttl } = this;
      this.#enqueued ??= new LRUCache({ max, ...(ttl !== Infinity && { ttl }) });
      this.#enqueued.set(task.sequence, task);
    }
    if (task.isSettled) {
      if (this.#settled) {
        this.#settled.set(task.sequence, task);
      } else {
        task.forget();
      }
    }
  }

  /** Drops a settled task. No lookup finds it from now on. */
  drop(task: BackgroundTask): void {
    this.#settled?.delete(task.sequence);
  }

  /** Whether the history remembers the settled task. */
  has(task: BackgroundTask): boolean {
    return this.#settled?.has(task.sequence) ?? false;
  }

  /** The newest tasks that this process has enqueued: as many, and for as long, as settled ones. */
  get enqueued(): Iterable<BackgroundTask> {
    return this.#enqueued?.values() ?? [];
  }

  get settled(): Iterable<BackgroundTask> {
    return this.#settled?.values() ?? [];
  }
}
