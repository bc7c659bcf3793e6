import { LRUCache } from 'lru-cache';
import type { BackgroundTask } from '../task/handle/background-task.ts';
import type { SharedRecords } from './shared-records.ts';

/** Keeps tasks that have come to their end, so many and so long, and has all of them shared if there is a store. */
export class TaskHistory {
  readonly #settled: LRUCache<number, BackgroundTask> | undefined;

  /** @param ttl ms */
  constructor(
    max: number,
    ttl: number,
    readonly shared: SharedRecords | undefined,
  ) {
    this.#settled =
      max > 0
        ? new LRUCache({ max, ...(ttl !== Infinity && { ttl }), dispose: (task: BackgroundTask) => task.forget() })
        : undefined;
  }

  changed(task: BackgroundTask): void {
    this.shared?.write(task);
    if (task.isSettled) {
      if (this.#settled) {
        this.#settled.set(task.sequence, task);
      } else {
        task.forget();
      }
    }
  }

  /** Whether it is kept, still. */
  has(task: BackgroundTask): boolean {
    return this.#settled?.has(task.sequence) ?? false;
  }

  get settled(): Iterable<BackgroundTask> {
    return this.#settled?.values() ?? [];
  }
}
