import type { Transaction } from '../../durable/transaction.ts';

// The parameters name only what is used of each library, so that no library has to be installed.

/**
 * Makes a transaction of a client of pg, or of a library that gives you one. You have sent `BEGIN` on it.
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
export function pgClient(client: { query(text: string, values: unknown[]): Promise<{ rows: object[] }> }): Transaction {
  return {
    async query(text, values) {
      return (await client.query(text, [...values])).rows;
    },
  };
}

/**
 * Makes a transaction of TypeORM's entity manager, or of its query runner.
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
export function typeOrm(manager: { query(text: string, values?: unknown[]): Promise<unknown> }): Transaction {
  return {
    async query(text, values) {
      return (await manager.query(text, [...values])) as object[];
    },
  };
}

/**
 * Makes a transaction of Drizzle's, for pg or postgres.js.
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
  return {
    async query(sql, values) {
      // Drizzle's tag would have to be imported from the application's copy. `execute` takes what has `getSQL`.
      const query = { getSQL: () => ({ toQuery: () => ({ sql, params: [...values] }) }) };
      const result = (await tx.execute(query as never)) as object[] | { rows: object[] };
      return Array.isArray(result) ? result : result.rows;
    },
  };
}

/**
 * Makes a transaction of Knex's.
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
export function knex(trx: { raw(text: string, values: never): PromiseLike<unknown> }): Transaction {
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
 * Makes a transaction of Kysely's.
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
export function kysely(trx: { executeQuery(query: never): Promise<{ rows: unknown[] }> }): Transaction {
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
 * Makes a transaction of Prisma's interactive ones.
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
  return {
    async query(text, values) {
      return (await tx.$queryRawUnsafe(text, ...values)) as object[];
    },
  };
}
