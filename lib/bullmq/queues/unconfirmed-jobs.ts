import { sleep } from '../../util/timers.ts';
import type { JobToAdd } from '../jobs/task-job.ts';
import type { BullMqConnection } from '../store/bullmq-connection.ts';
import type { BullMqQueues } from './bullmq-queues.ts';

/** ms between two tries while the server is unavailable, and between two removals of the same jobs. */
const PAUSE = 200;
const LOOK_EVERY = 1_000;

/**
 * How often a job is removed. The server may still be at work on the request that adds it, and BullMQ does not say whether the
 * job was there: on Redis it returns 1 also for a job that is missing, and on Postgres 0 also for one that is locked.
 */
const REMOVALS = 4;

/** When there are more, the oldest are dropped: the server has had the longest time to add them, and did not. */
const MAX_JOBS = 100_000;

interface Unconfirmed {
  readonly queueName: string;
  removals: number;
}

/**
 * Jobs that the server did not confirm. Their requests got an error, so the jobs must not run, but the server may have added
 * them, or may still do so: no error rules that out. They are removed as soon as the server answers again. A job that a worker
 * runs by then can't be removed.
 */
export class UnconfirmedJobs {
  readonly #byId = new Map<string, Unconfirmed>();
  #isRemoving = false;
  #isClosed = false;

  constructor(
    private readonly connection: BullMqConnection,
    private readonly queues: BullMqQueues,
  ) {}

  add(jobs: readonly JobToAdd[]): void {
    for (const { queueName, opts } of jobs) {
      this.#byId.set(opts.jobId, { queueName, removals: 0 });
    }
    for (const id of this.#byId.keys()) {
      if (this.#byId.size <= MAX_JOBS) {
        break;
      }
      this.#byId.delete(id);
    }
    if (!this.#isRemoving) {
      this.#isRemoving = true;
      void this.#removeAll();
    }
  }

  close(): void {
    this.#isClosed = true;
  }

  async #removeAll(): Promise<void> {
    while (this.#byId.size > 0 && !this.#isClosed) {
      const [first, ...others] = this.#byId.keys();
      // While the server is unavailable, one request is enough to notice.
      const isAnswered = await this.#remove(first!);
      if (isAnswered) {
        await Promise.all(others.map((id) => this.#remove(id)));
      }
      await sleep(isAnswered ? LOOK_EVERY : PAUSE, undefined, { ref: false });
    }
    // Set in the same turn as the check above: `add` starts the next loop.
    this.#isRemoving = false;
  }

  /** @returns whether the server answered */
  async #remove(id: string): Promise<boolean> {
    const job = this.#byId.get(id);
    if (!job) {
      return true;
    }
    try {
      await this.queues.of(job.queueName).remove(id);
      job.removals++;
      if (job.removals === REMOVALS) {
        this.#byId.delete(id);
      }
      return true;
    } catch (error) {
      if (this.connection.isNotNow(error)) {
        return false;
      }
      // BullMQ refuses this one, and others must not wait for it.
      this.#byId.delete(id);
      return true;
    }
  }
}
