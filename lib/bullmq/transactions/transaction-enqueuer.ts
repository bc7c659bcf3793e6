/*
 * BullMQ adds jobs on Postgres by one SQL function, `add_flow`. This file runs that statement in a transaction of the
 * application. The statement also returns the id of the transaction, by which Postgres tells later how it has ended: this
 * process hears nothing of a commit or a rollback. An id means something only on its own server, so the statement also returns
 * where it ran.
 *
 * BullMQ's functions set their own search_path, so the transaction keeps its own.
 */
import { Injectable } from '@nestjs/common';
import { noTransactions } from '../../durable/durable.messages.ts';
import type { EnqueuedInTransaction, Transaction } from '../../durable/transaction.ts';
import { TaskArgumentError } from '../../errors/task.errors.ts';
import { TaskQueueError } from '../../errors/unavailable.errors.ts';
import { kindOf } from '../../util/inspect.ts';
import { withoutDetails, withoutSecrets } from '../../util/secrets.ts';
import { noRowsOfTransaction, otherDatabase, transactionFailed } from '../bullmq.messages.ts';
import type { JobToAdd } from '../jobs/task-job.ts';
import { BullMqQueues } from '../queues/bullmq-queues.ts';
import { BullMqConnection } from '../store/bullmq-connection.ts';
import { transactionStatements } from '../store/job-statements.ts';
import { TransactionWatch } from './transaction-watch.ts';

/** What the statement returns for each job. */
interface AddedRow {
  readonly xid: string;
  readonly place: string;
}

@Injectable()
export class TransactionEnqueuer {
  /** The server and the database of the queue, at the last look. */
  #place: string | undefined;

  constructor(
    private readonly connection: BullMqConnection,
    private readonly queues: BullMqQueues,
    private readonly watch: TransactionWatch,
  ) {}

  /**
   * @throws TaskArgumentError if the queue is not on a Postgres server, or the transaction is not open there
   * @throws TaskQueueError
   */
  async enqueue(transaction: Transaction, jobs: readonly JobToAdd[]): Promise<EnqueuedInTransaction> {
    const { connection } = this;
    if (!connection.hasTransactions) {
      throw new TaskArgumentError(noTransactions());
    }
    // BullMQ's tables have to be there.
    await connection.answered(connection.ready);
    let added!: AddedRow;
    const flows = connection.flowsIn(async (text, values) => {
      const rows = await transaction.query(text, values);
      added = firstOf(rows);
      return { rows };
    });
    try {
      const nodes = await flows.addBulk([...jobs]);
      await this.#assertHere(added.place, jobs[0]!.queueName);
      const ids = nodes.map(({ job }) => job.id!);
      const ended = this.watch.end(
        added.xid,
        jobs.map(({ queueName }, i) => ({ queueName, id: ids[i]! })),
      );
      return { ids, ended };
    } catch (cause) {
      if (cause instanceof TaskArgumentError) {
        throw cause;
      }
      throw new TaskQueueError(transactionFailed(withoutSecrets((cause as Error).message)), {
        cause: withoutDetails(cause),
      });
    }
  }

  /** @throws TaskArgumentError if the transaction is on another server or database */
  async #assertHere(place: string, queueName: string): Promise<void> {
    if (place !== this.#place) {
      // The first transaction, or the server has restarted since.
      this.#place = await this.connection.answered(transactionStatements.place(this.queues.of(queueName)));
    }
    if (place !== this.#place) {
      throw new TaskArgumentError(otherDatabase());
    }
  }
}

/** @throws TaskArgumentError if it is not a list of rows */
function firstOf(rows: unknown): AddedRow {
  const [row] = Array.isArray(rows) ? (rows as readonly Partial<AddedRow>[]) : [];
  if (row?.xid === undefined || row.place === undefined) {
    throw new TaskArgumentError(noRowsOfTransaction(kindOf(rows)));
  }
  return { xid: row.xid, place: row.place };
}
