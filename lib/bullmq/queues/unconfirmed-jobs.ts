import { sleep } from '../../util/timers.ts';
import type { JobToAdd } from '../jobs/task-job.ts';
import type { BullMqConnection } from '../store/bullmq-connection.ts';
import type { BullMqQueues } from './bullmq-queues.ts';

/** ms between two tries while the server is unavailable, and between two looks for the same jobs. */
const PAUSE = 200;
const LOOK_EVERY = 1_000;

/** How often this class asks the server for a job: the server may still be working on the request that adds it. */
const LOOKS = 4;

/** How many jobs one request asks for, and how many removals run at the same time: requests of clients need the server too. */
const PAGE = 1_000;
const REMOVALS_AT_ONCE = 4;

/** When there are more, the oldest are dropped: the server has had the longest time to add them, and did not. */
const MAX_JOBS = 100_000;

interface Unconfirmed {
  readonly queueName: string;
  looks: number;
}

/**
 * Jobs that the server did not confirm. Their requests got an error, so the jobs must not run, but the server may have added
 * them, or may still do so: no error rules that out. This class removes them as soon as the server answers again. It can't
 * remove a job that a worker runs by then.
 *
 * Most of them were never added. An overloaded server refuses many requests, and must not get a request for each of their jobs:
 * it would never recover. So this class asks which of them the server has, and removes only those.
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
      this.#byId.set(opts.jobId, { queueName, looks: 0 });
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
      const isAnswered = await this.#lookForAll();
      await sleep(isAnswered ? LOOK_EVERY : PAUSE, undefined, { ref: false });
    }
    // Set in the same turn as the check above: `add` starts the next loop.
    this.#isRemoving = false;
  }

  /** @returns whether the server answered. While it does not, one request is enough to notice. */
  async #lookForAll(): Promise<boolean> {
    const byQueue = new Map<string, string[]>();
    for (const [id, { queueName }] of this.#byId) {
      const ids = byQueue.get(queueName) ?? [];
      ids.push(id);
      byQueue.set(queueName, ids);
    }
    for (const [queueName, ids] of byQueue) {
      for (const page of inPages(ids, PAGE)) {
        if (!(await this.#isAnswered(page, () => this.#look(queueName, page)))) {
          return false;
        }
      }
    }
    return true;
  }

  async #look(queueName: string, ids: readonly string[]): Promise<boolean> {
    const queue = this.queues.of(queueName);
    const present = await this.connection.statements.present(queue, ids);
    for (const page of inPages(present, REMOVALS_AT_ONCE)) {
      const removals = await Promise.all(page.map((id) => this.#isAnswered([id], () => queue.remove(id))));
      if (removals.includes(false)) {
        return false;
      }
    }
    for (const id of ids) {
      const job = this.#byId.get(id);
      if (job && ++job.looks === LOOKS) {
        this.#byId.delete(id);
      }
    }
    return true;
  }

  /** @returns false if the server is unavailable. What it refuses for good is dropped: other jobs must not wait for it. */
  async #isAnswered(ids: readonly string[], ask: () => Promise<unknown>): Promise<boolean> {
    try {
      return (await ask()) !== false;
    } catch (error) {
      if (this.connection.isNotNow(error)) {
        return false;
      }
      ids.forEach((id) => this.#byId.delete(id));
      return true;
    }
  }
}

function inPages<T>(all: readonly T[], size: number): (readonly T[])[] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));
}
