import { Injectable } from '@nestjs/common';
import { TaskQueueError } from '../../errors/unavailable.errors.ts';
import { retryUntil } from '../../util/retry-until.ts';
import type { TaskJob } from '../jobs/task-job.ts';
import { BullMqConnection } from '../store/bullmq-connection.ts';
import { JobFinder } from './job-finder.ts';
import { JobMarks } from './job-marks.ts';

/** ms between two looks at a job that a worker has just claimed, and the number of looks. */
const LOOK_EVERY = 20;
const LOOKS = 50;

/** Puts failed and cancelled jobs back into their queues. */
@Injectable()
export class JobRetry {
  constructor(
    private readonly connection: BullMqConnection,
    private readonly finder: JobFinder,
    private readonly marks: JobMarks,
  ) {}

  /**
   * @returns false if there is no such job, it can't be retried, or another caller was faster
   * @throws TaskQueueError
   */
  async retry(id: string): Promise<boolean> {
    const { connection } = this;
    const job = await connection.answered(this.finder.find(id));
    const state = await connection.answered(job?.getState() ?? Promise.resolve(undefined));
    if (!job || !(state === 'failed' || (job.data.cancelledAt !== undefined && state !== 'active'))) {
      return false;
    }
    // The steps come first: while this job counts as failed or cancelled, a caller can try again after an error in between.
    await Promise.all((job.data.before ?? []).map((before) => this.retry(before)));
    const isUnmarked = await this.marks.clear(job);
    return state === 'failed' ? this.#retryFailed(job) : isUnmarked && this.#retryWaiting(job);
  }

  /**
   * A cancelled job that no worker had claimed is still in the queue. A worker can claim it just before its data is updated:
   * the job then fails as cancelled within a moment, and is retried as a failed one.
   */
  async #retryWaiting(job: TaskJob): Promise<boolean> {
    let looks = 0;
    const state = await retryUntil(
      async () => {
        looks++;
        const found = await this.connection.answered(job.getState());
        return found === 'active' ? undefined : found;
      },
      { delay: LOOK_EVERY, shouldStop: () => looks === LOOKS },
    );
    // A job that is active for so long was claimed after the update, and runs.
    return state !== 'failed' || this.#retryFailed(job);
  }

  /** @returns false if another caller was faster */
  async #retryFailed(job: TaskJob): Promise<boolean> {
    try {
      await this.connection.answered(job.retry('failed', { resetAttemptsMade: true, resetAttemptsStarted: true }));
      return true;
    } catch (error) {
      if (error instanceof TaskQueueError && this.connection.isNotInState(error.cause)) {
        return false;
      }
      throw error;
    }
  }
}
