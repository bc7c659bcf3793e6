import { Injectable } from '@nestjs/common';
import { TaskQueueError } from '../../errors/unavailable.errors.ts';
import { retryUntil } from '../../util/retry-until.ts';
import type { TaskJob } from '../jobs/task-job.ts';
import { BullMqConnection } from '../store/bullmq-connection.ts';
import { BullMqQueues } from './bullmq-queues.ts';
import { JobFinder } from './job-finder.ts';
import { JobMarks } from './job-marks.ts';

/** ms between two looks at a cancelled job that a worker holds, and the number of looks. */
const LOOK_EVERY = 20;
const LOOKS = 100;

/** The states of jobs that can not be retried, cancelled or not. */
const NEVER_AGAIN = new Set(['completed', 'active', 'unknown']);

/** Puts failed and cancelled jobs back into their queues. */
@Injectable()
export class JobRetry {
  constructor(
    private readonly connection: BullMqConnection,
    private readonly queues: BullMqQueues,
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
    if (!job) {
      return false;
    }
    const isCancelled = job.data.cancelledAt !== undefined;
    // A worker that runs a cancelled task ends it within a moment.
    const state = isCancelled ? await this.#stateOnceReleased(job) : await connection.answered(job.getState());
    if (state !== 'failed' && (!isCancelled || NEVER_AGAIN.has(state))) {
      return false;
    }
    const { before = [] } = job.data;
    // The steps come first: while this job counts as failed or cancelled, a caller can try again after an error in between.
    await Promise.all(before.map((it) => this.retry(it)));
    const isUnmarked = await this.marks.clear(job);
    return state === 'failed' ? this.#retryFailed(job) : isUnmarked && this.#retryWaiting(job);
  }

  /**
   * A cancelled job that no worker had claimed is still in the queue. Its steps can have failed meanwhile because they were
   * cancelled, and then it fails too. A worker can also claim it just before its data is updated. In both cases it fails within
   * a moment, and is retried as a failed one.
   */
  async #retryWaiting(job: TaskJob): Promise<boolean> {
    const { connection, queues } = this;
    if (job.data.before) {
      await connection.answered(connection.statements.forgetFailedStep(queues.of(job.queueName), job.id!));
    }
    const state = await this.#stateOnceReleased(job);
    // A job that is active for so long was claimed after the update, and runs.
    return state !== 'failed' || this.#retryFailed(job);
  }

  /** @returns the state of the job when no worker holds it; `active` if a worker still holds it after the last look */
  async #stateOnceReleased(job: TaskJob): Promise<string> {
    let looks = 0;
    const state = await retryUntil(
      async () => {
        looks++;
        const found = await this.connection.answered(job.getState());
        return found === 'active' ? undefined : found;
      },
      { delay: LOOK_EVERY, shouldStop: () => looks === LOOKS },
    );
    return state ?? 'active';
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
