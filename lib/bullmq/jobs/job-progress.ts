import type { TaskProgress } from '../../task/model/task-record.ts';
import type { TaskJob } from './task-job.ts';

/**
 * Writes a task's progress to its job, one update after the other, so that the last one stays. Updates that come during a
 * write replace each other.
 */
export class JobProgress {
  #next: TaskProgress | undefined;
  /** Pending while updates are written. */
  #writing?: Promise<void>;

  /** @param onError is told of a failed write: the task itself goes on */
  constructor(
    private readonly job: TaskJob,
    private readonly onError: (error: unknown) => void,
  ) {}

  write(progress: TaskProgress): void {
    this.#next = progress;
    this.#writing ??= this.#writeAll();
  }

  /** Resolves when all updates are written. */
  async written(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    while (this.#next !== undefined) {
      const progress = this.#next;
      this.#next = undefined;
      await this.job.updateProgress(progress).catch(this.onError);
    }
    this.#writing = undefined;
  }
}
