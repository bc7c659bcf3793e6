import { setTimeout } from 'node:timers/promises';
import type { JobToAdd } from '../jobs/task-job.ts';
import type { BullMqQueues } from './bullmq-queues.ts';

/** ms between two tries. */
const PAUSE = 200;

/** When there are more, the oldest are dropped: the server has had the longest time to add them, and did not. */
const MAX_JOBS = 100_000;

/**
 * Jobs that the server did not confirm. Their requests got an error, so the jobs must not run, but the server may have added
 * them: no error rules that out. They are removed as soon as the server answers again.
 */
export class UnconfirmedJobs {
  /** The name of the queue, by the job's id. */
  readonly #queueOf = new Map<string, string>();
  #isRemoving = false;
  #isClosed = false;

  constructor(private readonly queues: BullMqQueues) {}

  add(jobs: readonly JobToAdd[]): void {
    for (const { queueName, opts } of jobs) {
      this.#queueOf.set(opts.jobId, queueName);
    }
    for (const id of this.#queueOf.keys()) {
      if (this.#queueOf.size <= MAX_JOBS) {
        break;
      }
      this.#queueOf.delete(id);
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
    while (this.#queueOf.size > 0 && !this.#isClosed) {
      const [first, ...others] = this.#queueOf.keys();
      // While the server is unavailable, one request is enough to notice.
      if (await this.#remove(first!)) {
        await Promise.all(others.map((id) => this.#remove(id)));
      } else {
        await setTimeout(PAUSE, undefined, { ref: false });
      }
    }
    // Set in the same turn as the check above: `add` starts the next loop.
    this.#isRemoving = false;
  }

  /** @returns whether the server answered */
  async #remove(id: string): Promise<boolean> {
    try {
      await this.queues.of(this.#queueOf.get(id)!).remove(id);
      this.#queueOf.delete(id);
      return true;
    } catch {
      return false;
    }
  }
}
