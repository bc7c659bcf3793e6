import { Injectable } from '@nestjs/common';
import { POLL } from '../../durable/poll.ts';
import { retryUntil } from '../../util/retry-until.ts';
import { BullMqConnection } from '../store/bullmq-connection.ts';
import { type AddedJob, postgresStatements, transactionStatements } from '../store/job-statements.ts';
import { BullMqQueues } from '../queues/bullmq-queues.ts';

interface OpenTransaction {
  readonly xid: string;
  readonly jobs: readonly AddedJob[];
  readonly resolve: (stored: readonly boolean[] | undefined) => void;
}

/** Finds out how transactions of the application have ended, and so which of their jobs are in a queue. */
@Injectable()
export class TransactionWatch {
  readonly #open = new Set<OpenTransaction>();
  #isLooking = false;
  #isClosed = false;

  constructor(
    private readonly connection: BullMqConnection,
    private readonly queues: BullMqQueues,
  ) {}

  /**
   * Resolves when the transaction has ended: for each job, whether a queue has it. Never rejects.
   *
   * @returns `undefined` if the application closes first
   */
  end(xid: string, jobs: readonly AddedJob[]): Promise<readonly boolean[] | undefined> {
    if (this.#isClosed) {
      return Promise.resolve(undefined);
    }
    return new Promise((resolve) => {
      this.#open.add({ xid, jobs, resolve });
      if (!this.#isLooking) {
        this.#isLooking = true;
        void this.#lookUntilAllEnded();
      }
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#open.forEach(({ resolve }) => resolve(undefined));
    this.#open.clear();
  }

  async #lookUntilAllEnded(): Promise<void> {
    while (this.#open.size > 0 && !this.#isClosed) {
      // The wait grows only while no transaction ends.
      await retryUntil(() => this.#look(), { ...POLL, shouldStop: () => this.#isClosed });
    }
    // Set in the same turn as the check above: `end` starts the next loop.
    this.#isLooking = false;
  }

  /** @returns whether a transaction has ended; `undefined` if not, or while the server is unavailable */
  async #look(): Promise<true | undefined> {
    try {
      return (await this.#resolveEnded()) || undefined;
    } catch (error) {
      this.connection.warn(error);
      return undefined;
    }
  }

  async #resolveEnded(): Promise<boolean> {
    const open = [...this.#open];
    const queue = this.queues.of(open[0]!.jobs[0]!.queueName);
    const xids = new Set(await transactionStatements.ended(queue, [...new Set(open.map(({ xid }) => xid))]));
    const ended = open.filter(({ xid }) => xids.has(xid));
    if (ended.length === 0) {
      return false;
    }
    // A duplicate's job outlives the rollback, and a savepoint can remove jobs of a transaction that commits.
    const present = await this.#present(ended.flatMap(({ jobs }) => jobs));
    for (const transaction of ended) {
      const stored = await Promise.all(transaction.jobs.map(async (job) => present.has(job.id) || this.#hasRun(job)));
      this.#open.delete(transaction);
      transaction.resolve(stored);
    }
    return true;
  }

  /** The ids of the jobs that are in their queues. */
  async #present(jobs: readonly AddedJob[]): Promise<ReadonlySet<string>> {
    const ids = jobs.map(({ id }) => id);
    const names = new Set(jobs.map(({ queueName }) => queueName));
    const found = await Promise.all([...names].map((name) => postgresStatements.present(this.queues.of(name), ids)));
    return new Set(found.flat());
  }

  /** Whether a job that is gone has settled: a queue removes its oldest completed jobs. */
  async #hasRun({ queueName, id }: AddedJob): Promise<boolean> {
    return (await postgresStatements.endOf(this.queues.of(queueName), id)) !== undefined;
  }
}
