import { now } from '../../util/timers.ts';
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
  /** When to tell the queue, in ms of `now()`. */
  #due = Infinity;
  #said?: Promise<void> | undefined;

  /** @param onError is told of a failed write: the task itself goes on */
  constructor(
    private readonly job: TaskJob,
    private readonly marks: JobMarks,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** @param at ms since the epoch */
  began(at: number): void {
    this.#at = at;
    this.#due = now() + SAY_AFTER;
  }

  /** Tells the queue, if it is time. Call it again and again while the attempt runs: a timer for each attempt costs more. */
  look(time: number): void {
    if (time >= this.#due) {
      void this.say();
    }
  }

  /** Tells the queue now. Resolves when it knows, or the write has failed. */
  async say(): Promise<void> {
    if (this.#at !== undefined) {
      this.#due = Infinity;
      await (this.#said ??= this.#write(this.#at));
    }
  }

  /** The write that is underway, or has been; mostly there is none. */
  get said(): Promise<void> | undefined {
    return this.#said;
  }

  async #write(at: number): Promise<void> {
    try {
      await this.marks.begun(this.job, at);
    } catch (error) {
      this.onError(error);
      this.#said = undefined;
      this.#due = now() + TRY_AGAIN_AFTER;
    }
  }
}
