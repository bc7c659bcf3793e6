import type { TaskProgress } from '../../task/model/task-record.ts';
import type { TaskJob } from './task-job.ts';

/** Tells the store how far a task has come: one after the other, or an older one could be the last; of many, the newest. */
export class JobProgress {
  #next: TaskProgress | undefined;
  #telling?: Promise<void>;

  /** @param onError the task isn't to fail because nobody could be told how far it is */
  constructor(
    private readonly job: TaskJob,
    private readonly onError: (error: unknown) => void,
  ) {}

  tell(progress: TaskProgress): void {
    this.#next = progress;
    this.#telling ??= this.#tellAll();
  }

  /** Resolves when all is told. */
  async told(): Promise<void> {
    await this.#telling;
  }

  async #tellAll(): Promise<void> {
    while (this.#next !== undefined) {
      const progress = this.#next;
      this.#next = undefined;
      await this.job.updateProgress(progress).catch(this.onError);
    }
    this.#telling = undefined;
  }
}
