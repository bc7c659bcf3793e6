import type { BackgroundTask } from '../task/handle/background-task.ts';
import { now } from '../util/timers.ts';
import { RecentTasks } from './recent-tasks.ts';
import type { SharedRecords } from './shared-records.ts';

/**
 * Remembers the newest tasks that have settled and the newest that this process has enqueued. If there is a store, it
 * writes every change there.
 */
export class TaskHistory {
  readonly #settled: RecentTasks;
  readonly #enqueued: RecentTasks;
  /** When the latest task settled, by the clock of the system. */
  #latest = NaN;
  /** The same moment by `now()`. */
  #latestNow = 0;

  /**
   * @param max how many settled tasks, and how many enqueued ones. With 0, none
   * @param ttl ms for which a settled task is remembered after its end, and an enqueued one from then on. By `now()`: the
   * system's clock can be set, and tests stand still or move it
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
        task.keptSince = this.#nowOf(task.finishedTime!);
        this.#settled.add(task);
      } else {
        task.forget();
      }
    }
    if (task.isEnqueued && !task.isAttempt && this.max > 0) {
      task.keptSince = now();
      this.#enqueued.add(task);
    }
  }

  /** Drops a settled task. No lookup finds it from now on. */
  drop(task: BackgroundTask): void {
    task.forget();
  }

  /** Whether the time for which the history remembers this task is not over. */
  has(task: BackgroundTask): boolean {
    return now() < task.keptSince + this.ttl;
  }

  get settled(): BackgroundTask[] {
    return this.#settled.filter((task) => !task.isForgotten && this.has(task));
  }

  /** As many as settled ones, and for as long. */
  get enqueued(): BackgroundTask[] {
    return this.#enqueued.filter((task) => this.has(task));
  }

  /** Reads the clock once for all tasks that settle in the same ms: it would cost each short task 2 %. */
  #nowOf(finished: number): number {
    if (finished !== this.#latest) {
      this.#latest = finished;
      // Whole, because V8 allocates memory for each other number in a field.
      this.#latestNow = Math.floor(now());
    }
    return this.#latestNow;
  }
}
