import type { Transaction } from '../../durable/transaction.ts';
import { TaskArgumentError } from '../../errors/task.errors.ts';
import { kindOf } from '../../util/inspect.ts';
import { notInTransaction } from '../bullmq.messages.ts';

// The parameters name only what is used of each library, so that no library has to be installed. It is an easy mistake to pass
// a pool or the library's own connection, which have a query method too. So each function looks for something that only a
// transaction has.

/** @throws TaskArgumentError unless it is what the call expects */
function check(isRight: boolean, call: string, expected: string, came: unknown): void {
  if (!isRight) {
    throw new TaskArgumentError(notInTransaction(call, expected, kindOf(came)));
  }
}

/** Whether a value has a method. A library's object can be a function, or a proxy. */
const hasMethod = (value: unknown, name: string) =>
  typeof (value as Record<string, unknown> | null)?.[name] === 'function';

/**
 * Wraps a client of pg, or of a library that gives you one, for `flush` and `within`.
 *
 * Send `BEGIN` on it first.
 *
 * @throws TaskArgumentError if it is not in a transaction
 *
 * @example
 * await client.query('BEGIN');
 * await client.query('INSERT INTO orders (id) VALUES ($1)', [order.id]);
 * this.tasks.addTask(this.mailer, 'sendConfirmation', order.id);
 * await this.tasks.flush({ transaction: pgClient(client) });
 * await client.query('COMMIT');
 *
 * @since 0.1.0
 */
export function pgClient(client: {
  query(text: string, values: unknown[]): Promise<{ rows: object[] }>;
  /** `I` outside of a transaction. Older versions of pg don't have it. */
  getTransactionStatus?(): string | null;
}): Transaction {
  const assert = (isRight: boolean) => check(isRight, 'pgClient(client)', 'a client of pg', client);
  // A pool runs each statement on any of its clients.
  assert(hasMethod(client, 'query') && !('totalCount' in client));
  return {
    async query(text, values) {
      const isIdle = () => client.getTransactionStatus?.() === 'I';
      if (isIdle()) {
        // A BEGIN that was not awaited may be on its way.
        await client.query('SELECT 1', []);
        assert(!isIdle());
      }
      return (await client.query(text, [...values])).rows;
    },
  };
}

/**
 * Wraps TypeORM's entity manager, or its query runner, for `flush` and `within`.
 *
 * @throws TaskArgumentError if it is not in a transaction
 *
 * @example
 * await dataSource.transaction(async (manager) => {
 *   await manager.save(order);
 *   this.tasks.addTask(this.mailer, 'sendConfirmation', order.id);
 *   await this.tasks.flush({ transaction: typeOrm(manager) });
 * });
 *
 * @since 0.1.0
 */
export function typeOrm(manager: {
  query(text: string, values?: unknown[]): Promise<unknown>;
  /** Of an EntityManager in a transaction. */
  readonly queryRunner?: { readonly isTransactionActive: boolean } | undefined;
  /** Of a QueryRunner. */
  readonly isTransactionActive?: boolean;
}): Transaction {
  const isActive = () => (manager?.queryRunner ?? manager)?.isTransactionActive;
  const assert = (isRight: boolean) => check(isRight, 'typeOrm(manager)', 'an EntityManager or a QueryRunner', manager);
  assert(hasMethod(manager, 'query') && isActive() !== undefined);
  return {
    async query(text, values) {
      assert(isActive() === true);
      return (await manager.query(text, [...values])) as object[];
    },
  };
}

/**
 * Wraps a transaction of Drizzle, for pg or postgres.js, for `flush` and `within`.
 *
 * @throws TaskArgumentError if it is not in a transaction
 *
 * @example
 * await db.transaction(async (tx) => {
 *   await tx.insert(orders).values(order);
 *   this.tasks.addTask(this.mailer, 'sendConfirmation', order.id);
 *   await this.tasks.flush({ transaction: drizzle(tx) });
 * });
 *
 * @since 0.1.0
 */
export function drizzle(tx: { execute(query: never): PromiseLike<unknown> }): Transaction {
  check(hasMethod(tx, 'execute') && hasMethod(tx, 'rollback'), 'drizzle(tx)', 'the tx of Drizzle', tx);
  return {
    async query(sql, values) {
      // Drizzle's `sql` would have to come from the application's copy. But `execute` also takes any object that has `getSQL`.
      const query = { getSQL: () => ({ toQuery: () => ({ sql, params: [...values] }) }) };
      const result = (await tx.execute(query as never)) as object[] | { rows: object[] };
      return Array.isArray(result) ? result : result.rows;
    },
  };
}

/**
 * Wraps a transaction of Knex for `flush` and `within`.
 *
 * @throws TaskArgumentError if it is not in a transaction
 *
 * @example
 * await db.transaction(async (trx) => {
 *   await trx('orders').insert(order);
 *   this.tasks.addTask(this.mailer, 'sendConfirmation', order.id);
 *   await this.tasks.flush({ transaction: knex(trx) });
 * });
 *
 * @since 0.1.0
 */
export function knex(trx: {
  raw(text: string, values: never): PromiseLike<unknown>;
  readonly isTransaction?: boolean;
}): Transaction {
  check(hasMethod(trx, 'raw') && trx.isTransaction === true, 'knex(trx)', 'the trx of Knex', trx);
  return {
    async query(text, values) {
      // Knex numbers its placeholders itself.
      const order: unknown[] = [];
      const marked = text.replace(/\$(\d+)/g, (_match, position: string) => {
        order.push(values[Number(position) - 1]);
        return '?';
      });
      return ((await trx.raw(marked, order as never)) as { rows: object[] }).rows;
    },
  };
}

/**
 * Wraps a transaction of Kysely for `flush` and `within`.
 *
 * @throws TaskArgumentError if it is not in a transaction
 *
 * @example
 * await db.transaction().execute(async (trx) => {
 *   await trx.insertInto('orders').values(order).execute();
 *   this.tasks.addTask(this.mailer, 'sendConfirmation', order.id);
 *   await this.tasks.flush({ transaction: kysely(trx) });
 * });
 *
 * @since 0.1.0
 */
export function kysely(trx: {
  executeQuery(query: never): Promise<{ rows: unknown[] }>;
  readonly isTransaction?: boolean;
}): Transaction {
  check(hasMethod(trx, 'executeQuery') && trx.isTransaction === true, 'kysely(trx)', 'the trx of Kysely', trx);
  return {
    async query(sql, values) {
      // What CompiledQuery.raw of the application's copy would make.
      const query = { kind: 'RawNode', sqlFragments: [sql], parameters: [] };
      const compiled = { sql, parameters: [...values], query, queryId: { queryId: 'nestjs-background-tasks' } };
      return (await trx.executeQuery(compiled as never)).rows as object[];
    },
  };
}

/**
 * Wraps an interactive transaction of Prisma for `flush` and `within`.
 *
 * @throws TaskArgumentError if it is not in a transaction
 *
 * @example
 * await prismaService.$transaction(async (tx) => {
 *   await tx.order.create({ data: order });
 *   this.tasks.addTask(this.mailer, 'sendConfirmation', order.id);
 *   await this.tasks.flush({ transaction: prisma(tx) });
 * });
 *
 * @since 0.1.0
 */
export function prisma(tx: { $queryRawUnsafe(text: string, ...values: unknown[]): PromiseLike<unknown> }): Transaction {
  check(hasMethod(tx, '$queryRawUnsafe') && !hasMethod(tx, '$connect'), 'prisma(tx)', 'the tx of Prisma', tx);
  return {
    async query(text, values) {
      return (await tx.$queryRawUnsafe(text, ...values)) as object[];
    },
  };
}
