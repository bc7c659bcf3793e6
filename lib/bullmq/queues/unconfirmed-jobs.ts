import { setTimeout } from 'node:timers/promises';
import type { JobToAdd } from '../jobs/task-job.ts';
import type { BullMqQueues } from './bullmq-queues.ts';

/** ms between two tries. */
const PAUSE = 200;

/** The oldest of more are let go of: what the store didn't take in all that time it won't. */
const MAX_JOBS = 100_000;

/**
 * Jobs whose requests were told that they are not stored, and that may be nevertheless: no error of a store says for sure.
 * They are taken back as soon as it answers, so that nobody is surprised by them.
 */
export class UnconfirmedJobs {
  /** The names of their queues, by their ids. */
  readonly #queueOf = new Map<string, string>();
  #isTaking = false;
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
    if (!this.#isTaking) {
      this.#isTaking = true;
      void this.#takeAll();
    }
  }

  close(): void {
    this.#isClosed = true;
  }

  async #takeAll(): Promise<void> {
    while (this.#queueOf.size > 0 && !this.#isClosed) {
      const [first, ...others] = this.#queueOf.keys();
      // Of a store that is away, one is enough to ask for.
      if (await this.#take(first!)) {
        await Promise.all(others.map((id) => this.#take(id)));
      } else {
        await setTimeout(PAUSE, undefined, { ref: false });
      }
    }
    this.#isTaking = false;
  }

  /** @returns whether the store has answered */
  async #take(id: string): Promise<boolean> {
    try {
      await this.queues.of(this.#queueOf.get(id)!).remove(id);
      this.#queueOf.delete(id);
      return true;
    } catch {
      return false;
    }
  }
}
