/*
 * BullMQ adds jobs on Postgres by one SQL function, `add_flow`. This file runs that statement in a transaction of the
 * application. The statement also returns the id of the transaction, by which Postgres tells later how it has ended: this
 * process hears nothing of a commit or a rollback.
 *
 * BullMQ's functions set their own search_path, so the transaction keeps its own.
 */
import { Injectable } from '@nestjs/common';
import { noTransactions } from '../../durable/durable.messages.ts';
import type { EnqueuedInTransaction, Transaction } from '../../durable/transaction.ts';
import { TaskArgumentError } from '../../errors/task.errors.ts';
import { TaskQueueError } from '../../errors/unavailable.errors.ts';
import { withoutDetails, withoutSecrets } from '../../util/secrets.ts';
import { transactionFailed } from '../bullmq.messages.ts';
import type { JobToAdd } from '../jobs/task-job.ts';
import { BullMqConnection } from '../store/bullmq-connection.ts';
import { TransactionWatch } from './transaction-watch.ts';

@Injectable()
export class TransactionEnqueuer {
  constructor(
    private readonly connection: BullMqConnection,
    private readonly watch: TransactionWatch,
  ) {}

  /**
   * @throws TaskArgumentError if the queue is not on a Postgres server
   * @throws TaskQueueError
   */
  async enqueue(transaction: Transaction, jobs: readonly JobToAdd[]): Promise<EnqueuedInTransaction> {
    const { connection } = this;
    if (!connection.hasTransactions) {
      throw new TaskArgumentError(noTransactions());
    }
    // BullMQ's tables have to be there.
    await connection.answered(connection.ready);
    let xid!: string;
    const flows = connection.flowsIn(async (text, values) => {
      const rows = await transaction.query(text, values);
      xid = String((rows[0] as { xid: unknown }).xid);
      return { rows };
    });
    try {
      const nodes = await flows.addBulk([...jobs]);
      const ids = nodes.map(({ job }) => job.id!);
      const ended = this.watch.end(
        xid,
        jobs.map(({ queueName }, i) => ({ queueName, id: ids[i]! })),
      );
      return { ids, ended };
    } catch (cause) {
      throw new TaskQueueError(transactionFailed(withoutSecrets((cause as Error).message)), {
        cause: withoutDetails(cause),
      });
    }
  }
}
