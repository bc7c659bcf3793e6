import type { BackgroundTask } from '../task/handle/background-task.ts';
import { RecentTasks } from './recent-tasks.ts';
import type { SharedRecords } from './shared-records.ts';

/**
 * Remembers the newest tasks that have settled and the newest that this process has enqueued. If there is a store, it
 * writes every change there.
 */
export class TaskHistory {
  readonly #settled: RecentTasks;
  readonly #enqueued: RecentTasks;

  /**
   * @param max how many settled tasks, and how many enqueued ones. With 0, none
   * @param ttl ms for which a settled task is remembered after its end, and an enqueued one after it was added
   */
  constructor(
    private readonly max: number,
    private readonly ttl: number,
    readonly shared: SharedRecords | undefined,
  ) {
    this.#settled = new RecentTasks(max, (task) => task.forget());
    this.#enqueued = new RecentTasks(max);
  }

  changed(task: BackgroundTask): void {
    this.shared?.write(task);
    if (task.isSettled) {
      if (this.max > 0) {
        this.#settled.add(task);
      } else {
        task.forget();
      }
    }
    if (task.isEnqueued && !task.isAttempt && this.max > 0) {
      this.#enqueued.add(task);
    }
  }

  /** Drops a settled task. No lookup finds it from now on. */
  drop(task: BackgroundTask): void {
    task.forget();
  }

  /** Whether the history remembers a settled task that it has not dropped. */
  has(task: BackgroundTask): boolean {
    return Date.now() < task.finishedTime! + this.ttl;
  }

  get settled(): BackgroundTask[] {
    return this.#settled.filter((task) => !task.isForgotten && this.has(task));
  }

  /** As many as settled ones, and for as long. */
  get enqueued(): BackgroundTask[] {
    const since = Date.now() - this.ttl;
    return this.#enqueued.filter((task) => task.createdTime > since);
  }
}
