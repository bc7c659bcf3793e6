import { clearTimeout, setTimeout } from '../../util/timers.ts';
import type { TaskJob } from '../jobs/task-job.ts';
import type { JobMarks } from '../queues/job-marks.ts';

/**
 * ms after which the queue hears that the function of a task has begun. Most tasks have returned by then, and cost no write:
 * the end of a job also says when its task began.
 */
const SAY_AFTER = 200;

/** ms after a failed write until the next one. */
const TRY_AGAIN_AFTER = 1_000;

/** Tells the queue when the function of a claimed job began, if it takes long. Until then, records say that the task waits. */
export class JobBeginning {
  #at?: number;
  #timer?: NodeJS.Timeout;
  #said?: Promise<void> | undefined;
  #hasEnded = false;

  /** @param onError is told of a failed write: the task itself goes on */
  constructor(
    private readonly job: TaskJob,
    private readonly marks: JobMarks,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** @param at ms since the epoch */
  began(at: number): void {
    this.#at = at;
    this.#sayAfter(SAY_AFTER);
  }

  /** Tells the queue now. Resolves when it knows, or the write has failed. */
  async say(): Promise<void> {
    if (this.#at !== undefined) {
      clearTimeout(this.#timer);
      await (this.#said ??= this.#write(this.#at));
    }
  }

  /** Call it when the attempt has ended. @returns the write that is underway; mostly there is none */
  ended(): Promise<void> | undefined {
    this.#hasEnded = true;
    clearTimeout(this.#timer);
    return this.#said;
  }

  async #write(at: number): Promise<void> {
    try {
      await this.marks.begun(this.job, at);
    } catch (error) {
      this.onError(error);
      this.#said = undefined;
      if (!this.#hasEnded) {
        this.#sayAfter(TRY_AGAIN_AFTER);
      }
    }
  }

  #sayAfter(ms: number): void {
    this.#timer = setTimeout(() => void this.say(), ms);
  }
}
