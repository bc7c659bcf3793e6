import { TaskArgumentError } from '../errors/task.errors.ts';
import { describe } from '../util/inspect.ts';
import { notATransaction } from './durable.messages.ts';

/**
 * Describes a transaction of your own database connection.
 *
 * `flush({ transaction })` and `TaskRunner.within` take it. `nestjs-background-tasks/bullmq` makes one from a client of
 * pg, TypeORM, Drizzle, Knex, Kysely or Prisma. For another library, write these few lines yourself.
 *
 * @example
 * const transaction: Transaction = { query: (text, values) => myClient.run(text, values) };
 *
 * @since 0.1.0
 */
export interface Transaction {
  /**
   * Runs one SQL statement in the transaction.
   *
   * @param text has `$1`, `$2`, … where the values go
   * @returns the rows
   */
  query(text: string, values: readonly unknown[]): Promise<readonly object[]>;
}

/** Tasks that were enqueued in a transaction. */
export interface EnqueuedInTransaction {
  /** In the order of the tasks; for a duplicate, the id of the task that is in the queue already. */
  readonly ids: readonly string[];
  /**
   * Resolves when the transaction has ended: for each task, whether the queue has it. Never rejects. `undefined` if the
   * application closes first.
   */
  readonly ended: Promise<readonly boolean[] | undefined>;
}

/** @throws TaskArgumentError if it has no `query` */
export function checkTransaction(call: string, transaction: Transaction): Transaction {
  if (typeof (transaction as Partial<Transaction> | null)?.query !== 'function') {
    throw new TaskArgumentError(notATransaction(call, describe(transaction)));
  }
  return transaction;
}
