// A table of orders, in a transaction of each library. A test gets its transaction as the package takes it, and what
// inserts an order in it.
import 'reflect-metadata';
import { PrismaPg } from '@prisma/adapter-pg';
import { drizzle as drizzlePg } from 'drizzle-orm/node-postgres';
import { drizzle as drizzlePostgresJs } from 'drizzle-orm/postgres-js';
import { integer, pgSchema } from 'drizzle-orm/pg-core';
import createKnex from 'knex';
import { Kysely, PostgresDialect, sql } from 'kysely';
import { Pool } from 'pg';
import postgres from 'postgres';
import { DataSource, EntitySchema } from 'typeorm';
import type { Transaction } from 'nestjs-background-tasks';
import { drizzle, knex, kysely, pgClient, prisma, typeOrm } from 'nestjs-background-tasks/bullmq';

/** One open transaction. */
export interface Open {
  readonly transaction: Transaction;
  /** Inserts an order. */
  insert(id: number): Promise<unknown>;
}

export interface Library {
  /** Runs a function in a transaction, and rolls back if it throws. */
  transaction<T>(fn: (open: Open) => Promise<T>): Promise<T>;
  /** Makes a transaction of what is in none. */
  outside(): Transaction;
  close(): Promise<unknown>;
}

/** Opens a library. Its orders are in the table `orders` of the schema. */
export type OpenLibrary = (url: string, schema: string) => Promise<Library>;

export const openPg: OpenLibrary = async (url, schema) => {
  const pool = new Pool({ connectionString: url, max: 20 });
  return {
    async transaction(fn) {
      const client = await pool.connect();
      try {
        await client.query('BEGIN');
        const result = await fn({
          transaction: pgClient(client),
          insert: (id) => client.query(`INSERT INTO "${schema}".orders (id) VALUES ($1)`, [id]),
        });
        await client.query('COMMIT');
        return result;
      } catch (error) {
        await client.query('ROLLBACK');
        throw error;
      } finally {
        client.release();
      }
    },
    outside: () => pgClient(pool),
    close: () => pool.end(),
  };
};

export const openTypeOrm: OpenLibrary = async (url, schema) => {
  const orders = new EntitySchema<{ id: number }>({ name: 'orders', columns: { id: { type: Number, primary: true } } });
  const source = new DataSource({ type: 'postgres', url, schema, entities: [orders], extra: { max: 20 } });
  await source.initialize();
  return {
    transaction: (fn) =>
      source.transaction((manager) =>
        fn({ transaction: typeOrm(manager), insert: (id) => manager.insert('orders', { id }) }),
      ),
    outside: () => typeOrm(source.manager),
    close: () => source.destroy(),
  };
};

const openDrizzle: OpenLibrary = async (url, schema) => {
  const pool = new Pool({ connectionString: url });
  const orders = pgSchema(schema).table('orders', { id: integer() });
  const db = drizzlePg(pool);
  return {
    transaction: (fn) =>
      db.transaction((tx) => fn({ transaction: drizzle(tx), insert: (id) => tx.insert(orders).values({ id }) })),
    outside: () => drizzle(db),
    close: () => pool.end(),
  };
};

const openDrizzlePostgresJs: OpenLibrary = async (url, schema) => {
  const client = postgres(url);
  const orders = pgSchema(schema).table('orders', { id: integer() });
  const db = drizzlePostgresJs(client);
  return {
    transaction: (fn) =>
      db.transaction((tx) => fn({ transaction: drizzle(tx), insert: (id) => tx.insert(orders).values({ id }) })),
    outside: () => drizzle(db),
    close: () => client.end(),
  };
};

const openKnex: OpenLibrary = async (url, schema) => {
  const db = createKnex({ client: 'pg', connection: url });
  return {
    transaction: (fn) =>
      db.transaction((trx) =>
        fn({ transaction: knex(trx), insert: async (id) => trx('orders').withSchema(schema).insert({ id }) }),
      ),
    outside: () => knex(db),
    close: () => db.destroy(),
  };
};

const openKysely: OpenLibrary = async (url, schema) => {
  const db = new Kysely<{ orders: { id: number } }>({
    dialect: new PostgresDialect({ pool: new Pool({ connectionString: url }) }),
  });
  return {
    transaction: (fn) =>
      db.transaction().execute((trx) =>
        fn({
          transaction: kysely(trx),
          insert: (id) => sql`INSERT INTO ${sql.table(`${schema}.orders`)} (id) VALUES (${id})`.execute(trx),
        }),
      ),
    outside: () => kysely(db),
    close: () => db.destroy(),
  };
};

interface PrismaTransaction {
  $queryRawUnsafe(text: string, ...values: unknown[]): Promise<unknown>;
  $executeRawUnsafe(text: string, ...values: unknown[]): Promise<number>;
}

interface Prisma extends PrismaTransaction {
  $transaction<T>(fn: (tx: PrismaTransaction) => Promise<T>): Promise<T>;
  $disconnect(): Promise<void>;
}

const openPrisma: OpenLibrary = async (url, schema) => {
  // Later: its client has to be generated before.
  const { PrismaClient } = (await import('@prisma/client')) as unknown as {
    PrismaClient: new (options: object) => Prisma;
  };
  const client = new PrismaClient({ adapter: new PrismaPg({ connectionString: url }) });
  return {
    transaction: (fn) =>
      client.$transaction((tx) =>
        fn({
          transaction: prisma(tx),
          insert: (id) => tx.$executeRawUnsafe(`INSERT INTO "${schema}".orders (id) VALUES ($1)`, id),
        }),
      ),
    outside: () => prisma(client),
    close: () => client.$disconnect(),
  };
};

export const libraries: readonly (readonly [name: string, open: OpenLibrary])[] = [
  ['pg', openPg],
  ['TypeORM', openTypeOrm],
  ['Drizzle on pg', openDrizzle],
  ['Drizzle on postgres.js', openDrizzlePostgresJs],
  ['Knex', openKnex],
  ['Kysely', openKysely],
  ['Prisma', openPrisma],
];
