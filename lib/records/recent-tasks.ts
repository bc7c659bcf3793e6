import type { BackgroundTask } from '../task/handle/background-task.ts';

/** Keeps the newest tasks that are added: a ring, because a list that drops its first is written for each task. */
export class RecentTasks {
  /** Grows up to `max`. */
  readonly #ring: BackgroundTask[] = [];
  /** Where the next task goes. The oldest task is there once the ring is full. */
  #next = 0;

  /** @param onDrop is given each task that makes room for a newer one */
  constructor(
    private readonly max: number,
    private readonly onDrop?: (task: BackgroundTask) => void,
  ) {}

  add(task: BackgroundTask): void {
    const oldest = this.#ring[this.#next];
    this.#ring[this.#next] = task;
    this.#next = (this.#next + 1) % this.max;
    if (oldest) {
      this.onDrop?.(oldest);
    }
  }

  filter(isWanted: (task: BackgroundTask) => boolean): BackgroundTask[] {
    return this.#ring.filter(isWanted);
  }
}
