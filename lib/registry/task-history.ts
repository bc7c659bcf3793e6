import { LRUCache } from 'lru-cache';
import type { TaskKeeper } from '../runner/task-tracker.ts';
import type { BackgroundTask } from '../task/background-task.ts';
import type { SharedRecords } from './shared-records.ts';

/** Keeps tasks that have come to their end, so many and so long, and has all of them shared if there is a store. */
export class TaskHistory implements TaskKeeper {
  readonly #settled: LRUCache<string, BackgroundTask> | undefined;

  /** @param ttl ms */
  constructor(
    max: number,
    ttl: number,
    readonly shared: SharedRecords | undefined,
  ) {
    this.#settled = max > 0 ? new LRUCache({ max, ...(ttl !== Infinity && { ttl }) }) : undefined;
  }

  changed(task: BackgroundTask): void {
    if (task.finishedAt) {
      this.#settled?.set(task.id, task);
    }
    this.shared?.write(task);
  }

  find(id: string): BackgroundTask | undefined {
    // Peeked at, since whether somebody looks at a task is not to decide how long it is kept.
    return this.#settled?.peek(id);
  }

  get settled(): Iterable<BackgroundTask> {
    return this.#settled?.values() ?? [];
  }
}
