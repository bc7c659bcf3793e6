import type { Queue } from 'bullmq';
import { addedBy, type AddResult } from './refused-jobs.ts';

/** A job in the form that BullMQ gives to its backend. */
interface Entry {
  readonly job: unknown;
  readonly jobId: string;
  readonly parentKeyOpts?: unknown;
}

interface Transaction {
  exec(): Promise<readonly AddResult[]>;
}

/** The parts of BullMQ's backend for Redis that its types hide. */
interface Inside {
  readonly client: Promise<{ multi(): Transaction }>;
  addJobs(entries: readonly Entry[]): Promise<unknown[]>;
  /** Puts a command into the transaction at once, and resolves with the transaction. */
  addJobToTransaction(to: Transaction, job: unknown, jobId: string, parentKeyOpts?: unknown): Promise<unknown>;
}

/**
 * Makes `Queue.addBulk` add all jobs or none. BullMQ sends them in a pipeline, and Redis can execute a part of one. A
 * `FlowProducer` adds them in a transaction too, but needs twice the CPU time. A server that has lost one of several scripts
 * can still add a part: `UnconfirmedJobs` removes it.
 *
 * @param onRefused called with the server's error: mostly it comes inside a result, where the driver does not see it
 */
export function makeBulkAtomic(queue: Queue, onRefused: (error: Error) => void): void {
  const backend = queue.backend as unknown as Inside;
  backend.addJobs = async (entries) => {
    const transaction = (await backend.client).multi();
    await Promise.all(
      entries.map(({ job, jobId, parentKeyOpts }) =>
        backend.addJobToTransaction(transaction, job, jobId, parentKeyOpts),
      ),
    );
    const results = await addedBy(transaction.exec(), onRefused);
    return results.map(([, id]) => id);
  };
}
