// Durable tasks in transactions of the application, by the libraries that people use, on a real Postgres.
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Body, Controller, Get, Injectable, Post } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { Client } from 'pg';
import { DataSource } from 'typeorm';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  type BackgroundTask,
  BackgroundTasks,
  BackgroundTasksModule,
  chain,
  currentTask,
  group,
  previousResult,
  step,
  Task,
  TaskArgumentError,
  type TaskEvent,
  TaskQueueError,
  TaskRegistry,
  TaskRunner,
  type Transaction,
} from 'nestjs-background-tasks';
import { BullMqTasksModule, drizzle, knex, kysely, pgClient, prisma, typeOrm } from 'nestjs-background-tasks/bullmq';
import { TransactionWatch } from '../../lib/bullmq/transactions/transaction-watch.ts';
import { Gate } from '../fixtures/gate.ts';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { RecordingLogger } from '../fixtures/recording-logger.ts';
import { startApp } from '../fixtures/start-app.ts';
import { libraries, type Library, openPg, openTypeOrm, type Open } from './libraries.ts';

const url = stores.find(({ name }) => name === 'Postgres')?.connection;
const redis = stores.find(({ name }) => name === 'Redis')?.connection;
const here = dirname(fileURLToPath(import.meta.url));

class RolledBack extends Error {}

/** The arguments of the runs, in order. */
let runs: unknown[][] = [];

@Injectable()
class Mailer {
  @Task({ queue: 'mail' })
  confirm(...args: unknown[]) {
    runs.push(args);
    return args[0];
  }

  @Task({ queue: 'reports' })
  report(...args: unknown[]) {
    runs.push(args);
    return `report ${String(args[0])}`;
  }

  here(id: number) {
    runs.push([id]);
  }
}

interface Started {
  readonly module: TestingModule;
  readonly runner: TaskRunner;
  readonly registry: TaskRegistry;
  readonly mailer: Mailer;
  readonly log: RecordingLogger;
  readonly events: TaskEvent[];
}

const prefix = ownPrefix();
stopStores();

async function start(connection = url!, isWorker = true): Promise<Started> {
  const log = new RecordingLogger();
  const module = await Test.createTestingModule({
    imports: [
      BackgroundTasksModule.forRoot({ shutdownTimeout: 500 }),
      BullMqTasksModule.forRoot({ connection, prefix, worker: isWorker && {} }),
    ],
    providers: [Mailer],
  })
    .setLogger(log)
    .compile();
  await module.init();
  onTestFinished(() => module.close());
  const runner = module.get(TaskRunner);
  const events: TaskEvent[] = [];
  runner.events.subscribe((event) => events.push(event));
  return { module, runner, registry: module.get(TaskRegistry), mailer: module.get(Mailer), log, events };
}

describe.runIf(url)('durable tasks in a transaction of the application', { timeout: 60_000 }, () => {
  const admin = new Client({ connectionString: url });

  beforeAll(async () => {
    await admin.connect();
    await admin.query(`CREATE SCHEMA IF NOT EXISTS "${prefix}"`);
    await admin.query(`CREATE TABLE "${prefix}".orders (id integer PRIMARY KEY)`);
    // Prisma's client is generated for its schema. It needs no engine, and would download one.
    const prismaCli = createRequire(import.meta.url).resolve('prisma/build/index.js');
    execFileSync(process.execPath, [prismaCli, 'generate', '--schema', join(here, 'schema.prisma')], {
      cwd: here,
      env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: '1' },
      stdio: 'ignore',
    });
    // Prisma's program takes some seconds to start.
  }, 60_000);
  afterAll(() => admin.end());
  beforeEach(async () => {
    runs = [];
    await admin.query(`TRUNCATE "${prefix}".orders`);
  });

  const jobs = async () =>
    (await admin.query<{ id: string }>(`SELECT id FROM "${prefix}".job`)).rows.map(({ id }) => id);

  describe.each(libraries)('of %s', (_name, open) => {
    let library: Library;
    beforeAll(async () => {
      library = await open(url!, prefix);
    });
    afterAll(() => library.close());

    test('are in the queue when it commits, and not before', async () => {
      const { runner, registry, mailer } = await start();
      const task = await library.transaction(async ({ transaction, insert }) => {
        await insert(1);
        const added = runner.within(transaction).start(mailer, 'confirm', 1, "quo'te $1 ?");
        await added.stored();
        expect(await jobs()).not.toContain(added.id);
        expect(added.status).toBe('pending');
        return added;
      });
      expect(await task.settled()).toMatchObject({ status: 'completed', result: 1 });
      expect(await registry.get(task.id)).toMatchObject({ status: 'completed', result: 1 });
      expect(runs).toEqual([[1, "quo'te $1 ?"]]);
    });

    test('have never existed when it is rolled back', async () => {
      const { runner, registry, mailer, events } = await start();
      let task: ReturnType<typeof runner.start> | undefined;
      const rolledBack = library.transaction(async ({ transaction, insert }) => {
        await insert(2);
        task = runner.within(transaction).start(mailer, 'confirm', 2);
        await task.stored();
        throw new RolledBack();
      });
      await expect(rolledBack).rejects.toThrow(RolledBack);
      expect(await task!.settled()).toMatchObject({
        status: 'skipped',
        error: { name: 'TaskQueueError', message: expect.stringContaining('rolled back') },
      });
      expect(await registry.get(task!.id)).toBeUndefined();
      expect(await registry.list({ name: 'Mailer.confirm' })).toEqual([]);
      expect(await jobs()).not.toContain(task!.id);
      expect(events.map(({ type }) => type)).toEqual(['added', 'skipped']);
      expect(runner.stats()).toMatchObject({ pending: 0, skipped: 1, completed: 0 });
    });

    test('can be chains and groups, with delays and deduplication, in several queues', async () => {
      const { runner, mailer } = await start();
      const tasks = await library.transaction(async ({ transaction }) => {
        const within = runner.within(transaction);
        const added = [
          within.start(chain(step(mailer, 'confirm', 'a'), step(mailer, 'report', previousResult))),
          within.start(
            group([step(mailer, 'confirm', 'b'), step(mailer, 'report', 'c')], step(mailer, 'confirm', previousResult)),
          ),
          within.with({ delay: 50, priority: 3 }).start(mailer, 'report', 'd'),
          within.with({ deduplication: { id: `${_name} 1` } }).start(mailer, 'confirm', 'e'),
        ];
        await Promise.all(added.map((task) => task.stored()));
        return added;
      });
      const records = await Promise.all(tasks.map((task) => task.settled()));
      expect(records.map(({ result }) => result)).toEqual(['report a', ['b', 'report c'], 'report d', 'e']);
    });

    test('are refused when what is given is in no transaction, or is nothing', async () => {
      await start();
      expect(() => library.outside()).toThrow(TaskArgumentError);
      expect(() => library.outside()).toThrow(/expected .* in an open transaction, got /);
    });

    test('leave its search_path and its settings as they were', async () => {
      const { runner, mailer } = await start();
      const rolledBack = library.transaction(async ({ transaction }) => {
        const settings = `SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) AS all FROM pg_settings`;
        await transaction.query(`SELECT set_config('search_path', 'pg_catalog', true)`, []);
        const before = await transaction.query(settings, []);
        await runner.within(transaction).start(mailer, 'confirm', 3).stored();
        expect(await transaction.query(settings, [])).toEqual(before);
        throw new RolledBack();
      });
      await expect(rolledBack).rejects.toThrow(RolledBack);
    });
  });

  describe('around it', () => {
    let library: Library;
    beforeAll(async () => {
      library = await openPg(url!, prefix);
    });
    afterAll(() => library.close());

    /** Runs a function in a transaction that rolls back, and waits until it has. */
    async function rollBack<T>(fn: (open: Open) => Promise<T>): Promise<T> {
      let result: T | undefined;
      await library
        .transaction(async (open) => {
          result = await fn(open);
          throw new RolledBack();
        })
        .catch((error: unknown) => expect(error).toBeInstanceOf(RolledBack));
      return result!;
    }

    test('a savepoint that is rolled back takes its tasks with it, and leaves the others', async () => {
      const { runner, mailer } = await start();
      const [kept, undone] = await library.transaction(async ({ transaction }) => {
        const within = runner.within(transaction);
        const first = within.start(mailer, 'confirm', 'kept');
        await first.stored();
        await transaction.query('SAVEPOINT inner_one', []);
        const second = within.start(mailer, 'confirm', 'undone');
        await second.stored();
        await transaction.query('ROLLBACK TO SAVEPOINT inner_one', []);
        return [first, second];
      });
      expect(await kept.settled()).toMatchObject({ status: 'completed', result: 'kept' });
      expect(await undone.settled()).toMatchObject({ status: 'skipped' });
      expect(runs).toEqual([['kept']]);
    });

    test('a duplicate of a task that waits in the queue stays that task, also after a rollback', async () => {
      const { runner, mailer } = await start(url, false);
      const first = runner.with({ deduplication: { id: 'order 1' } }).start(mailer, 'confirm', 'first');
      await first.stored();
      const duplicate = await rollBack(async ({ transaction }) => {
        const task = runner
          .within(transaction)
          .with({ deduplication: { id: 'order 1' } })
          .start(mailer, 'confirm', 'second');
        await task.stored();
        return task;
      });
      await vi.waitFor(() => expect(duplicate.id).toBe(first.id));
      expect(duplicate.status).toBe('pending');
      expect(first.cancel()).toBe(true);
    });

    test('a deduplication id is free again after a rollback', async () => {
      const { runner, mailer } = await start();
      const options = { deduplication: { id: 'order 2' } };
      const undone = await rollBack(async ({ transaction }) => {
        const task = runner.within(transaction).with(options).start(mailer, 'confirm', 'undone');
        await task.stored();
        return task;
      });
      await undone.settled();
      const task = runner.with(options).start(mailer, 'confirm', 'kept');
      expect(await task.settled()).toMatchObject({ status: 'completed', result: 'kept' });
    });

    test('cancel() while the transaction is open cancels the task when it commits', async () => {
      const { runner, registry, mailer } = await start();
      const task = await library.transaction(async ({ transaction }) => {
        const added = runner.within(transaction).with({ delay: 60_000 }).start(mailer, 'confirm', 'no');
        await added.stored();
        expect(added.cancel()).toBe(true);
        return added;
      });
      expect(await task.settled()).toMatchObject({ status: 'cancelled' });
      expect(await registry.get(task.id)).toMatchObject({ status: 'cancelled' });
    });

    test('a worker in another process runs the task, and not before the row is there', async () => {
      const producer = await start(url, false);
      await start();
      const gate = new Gate();
      const committed = library.transaction(async ({ transaction, insert }) => {
        await insert(77);
        const task = producer.runner.within(transaction).start(producer.mailer, 'confirm', 77);
        await task.stored();
        await gate.opened;
        return task;
      });
      // Workers look at the queue all the time; this one is told of a job that is there.
      const other = producer.runner.start(producer.mailer, 'confirm', 78);
      await other.settled();
      expect(runs).toEqual([[78]]);
      gate.open();
      expect(await (await committed).settled()).toMatchObject({ status: 'completed' });
    });

    test.each(['READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'])(
      'two that are open at the same time don’t wait for each other: %s',
      async (isolation) => {
        const { runner, mailer } = await start();
        const add = async ({ transaction }: Open, id: string) => {
          await transaction.query(`SET TRANSACTION ISOLATION LEVEL ${isolation}`, []);
          await transaction.query(`SET LOCAL lock_timeout = '5s'`, []);
          const within = runner.within(transaction);
          const added = [
            within.start(mailer, 'confirm', id),
            within.with({ priority: 2 }).start(mailer, 'confirm', id),
            within.with({ delay: 20 }).start(mailer, 'report', id),
            within.with({ deduplication: { id: `of ${isolation} ${id}` } }).start(mailer, 'report', id),
            within.start(chain(step(mailer, 'report', id), step(mailer, 'confirm', previousResult))),
          ];
          // All at once, in one transaction.
          await Promise.all(added.map((task) => task.stored()));
          return added;
        };
        const tasks = await library.transaction(async (first) => {
          const outer = await add(first, 'one');
          return [...outer, ...(await library.transaction((second) => add(second, 'other')))];
        });
        const records = await Promise.all(tasks.map((task) => task.settled()));
        expect(records.map(({ status }) => status)).toEqual(tasks.map(() => 'completed'));
      },
    );

    test('a task with the deduplication id of one in an open transaction waits for its end', async () => {
      const { runner, mailer } = await start();
      const options = { deduplication: { id: 'order 3' } };
      let other: BackgroundTask | undefined;
      const undone = await rollBack(async ({ transaction }) => {
        const task = runner.within(transaction).with(options).start(mailer, 'confirm', 'undone');
        await task.stored();
        other = runner.with(options).start(mailer, 'confirm', 'kept');
        return task;
      });
      await other!.stored();
      expect(await undone.settled()).toMatchObject({ status: 'skipped' });
      expect(await other!.settled()).toMatchObject({ status: 'completed', result: 'kept' });
    });

    test('a transaction that its server has lost hides no other', async () => {
      const { module, runner, mailer } = await start();
      const lost = module
        .get(TransactionWatch, { strict: false })
        .end('4611686018427387904', [{ queueName: 'mail', id: 'never' }]);
      const task = await library.transaction(async ({ transaction }) => {
        const added = runner.within(transaction).start(mailer, 'confirm', 1);
        await added.stored();
        return added;
      });
      expect(await task.settled()).toMatchObject({ status: 'completed' });
      expect(await lost).toEqual([false]);
    });

    test('an application that closes while a transaction is open leaves its task to the queue', async () => {
      const first = await start(url, false);
      const gate = new Gate();
      const stored = new Gate();
      const committed = library.transaction(async ({ transaction }) => {
        const task = first.runner.within(transaction).start(first.mailer, 'confirm', 'later');
        await task.stored();
        stored.open();
        await gate.opened;
      });
      await stored.opened;
      await first.module.close();
      expect(first.log.said('warn')).toEqual([]);
      expect(first.log.said('error')).toEqual([]);
      gate.open();
      await committed;
      await start();
      await vi.waitFor(() => expect(runs).toEqual([['later']]), { timeout: 10_000 });
    });

    describe('refuses with an error that says why and what to do', () => {
      const never: Transaction = { query: () => Promise.reject(new Error('not called')) };

      test('a task of this process', async () => {
        const { runner, mailer } = await start();
        expect(() => runner.within(never).start(mailer, 'here', 1)).toThrow(
          /within\(transaction\)\.start: expected a durable task, got task "Mailer\.here"/,
        );
      });

      test('what is no transaction', async () => {
        const { runner } = await start();
        expect(() => runner.within(undefined as never)).toThrow(TaskArgumentError);
        expect(() => runner.within({} as never)).toThrow(/expected a transaction with a method query/);
      });

      test.each([
        ['Redis', () => redis!],
        ['PGlite', () => 'pglite:'],
      ])('a queue on %s', async (_place, connection) => {
        const { runner, mailer } = await start(connection(), false);
        const task = runner.within(never).start(mailer, 'confirm', 1);
        await expect(task.stored()).rejects.toThrow(
          /expected a queue on a Postgres server, got a queue on Redis or PGlite/,
        );
        expect(task.status).toBe('failed');
      });

      test.each([
        ['pgClient', pgClient],
        ['typeOrm', typeOrm],
        ['drizzle', drizzle],
        ['knex', knex],
        ['kysely', kysely],
        ['prisma', prisma],
      ])('what is no object of the library: %s', (name, make) => {
        for (const wrong of [undefined, null, {}, 'postgres://', { query: 1 }]) {
          expect(() => make(wrong as never)).toThrow(TaskArgumentError);
          expect(() => make(wrong as never)).toThrow(new RegExp(`^${name}\\(.*got `));
        }
      });

      test('a client of pg before BEGIN and after COMMIT, but not while BEGIN is on its way', async () => {
        const { runner, mailer } = await start();
        const client = new Client({ connectionString: url });
        await client.connect();
        onTestFinished(() => client.end());
        const within = runner.within(pgClient(client));
        await expect(within.start(mailer, 'confirm', 1).stored()).rejects.toThrow(
          /^pgClient\(client\): expected a client of pg in an open transaction/,
        );
        void client.query('BEGIN');
        const task = within.start(mailer, 'confirm', 2);
        await task.stored();
        await client.query('COMMIT');
        expect(await task.settled()).toMatchObject({ status: 'completed' });
        await expect(within.start(mailer, 'confirm', 3).stored()).rejects.toThrow(TaskArgumentError);
        expect(runs).toEqual([[2]]);
      });

      test('a query runner of TypeORM whose transaction is over', async () => {
        const { runner, mailer } = await start();
        const source = new DataSource({ type: 'postgres', url: url! });
        await source.initialize();
        onTestFinished(() => source.destroy());
        const queryRunner = source.createQueryRunner();
        await queryRunner.startTransaction();
        const within = runner.within(typeOrm(queryRunner));
        const task = within.start(mailer, 'confirm', 1);
        await task.stored();
        await queryRunner.commitTransaction();
        expect(await task.settled()).toMatchObject({ status: 'completed' });
        await expect(within.start(mailer, 'confirm', 2).stored()).rejects.toThrow(/^typeOrm\(manager\): expected/);
        await queryRunner.release();
      });

      test('a query that returns no rows', async () => {
        const { runner, mailer } = await start();
        for (const rows of [undefined, { rows: [] }, [], [{ id: '1' }]]) {
          const task = runner.within({ query: async () => rows as never }).start(mailer, 'confirm', 1);
          await expect(task.stored()).rejects.toThrow(
            /^query\(text, values\) of the transaction: expected an array of rows/,
          );
        }
      });

      test('a transaction on another database that has such queues too', async () => {
        const { runner, mailer } = await start();
        const name = `${prefix}_other`;
        await admin.query(`CREATE DATABASE "${name}"`);
        const other = url!.replace(/\/\w+$/, `/${name}`);
        const there = await start(other, false);
        await there.runner.start(there.mailer, 'confirm', 'there').stored();
        const client = new Client({ connectionString: other });
        await client.connect();
        try {
          await client.query('BEGIN');
          const task = runner.within(pgClient(client)).start(mailer, 'confirm', 1);
          await expect(task.stored()).rejects.toThrow(/expected a transaction on the server and database of the queue/);
          await client.query('ROLLBACK');
          expect(await task.settled()).toMatchObject({ status: 'failed' });
        } finally {
          await client.end();
          await there.module.close();
          await admin.query(`DROP DATABASE "${name}" WITH (FORCE)`);
        }
      });

      test('a transaction on another database', async () => {
        const { runner, mailer, log } = await start();
        const client = new Client({ connectionString: url!.replace(/\/\w+$/, '/postgres') });
        await client.connect();
        onTestFinished(() => client.end());
        await client.query('BEGIN');
        const task = runner.within(pgClient(client)).start(mailer, 'confirm', 'secret');
        await expect(task.stored()).rejects.toThrow(/Its connection needs the database of the queue/);
        await expect(task.stored()).rejects.toThrow(TaskQueueError);
        await client.query('ROLLBACK');
        expect(JSON.stringify(log.entries)).not.toContain('secret');
      });

      test('a transaction that has failed: the error says that it is over', async () => {
        const { runner, mailer } = await start();
        await library
          .transaction(async ({ transaction }) => {
            await transaction.query('SELECT 1 / 0', []).catch(() => undefined);
            const task = runner.within(transaction).start(mailer, 'confirm', 1);
            await expect(task.stored()).rejects.toThrow(/Roll the transaction back/);
            throw new RolledBack();
          })
          .catch((error: unknown) => expect(error).toBeInstanceOf(RolledBack));
      });
    });
  });

  describe('of a request', () => {
    let library: Library;
    beforeAll(async () => {
      library = await openTypeOrm(url!, prefix);
    });
    afterAll(() => library.close());

    interface Order {
      id: number;
      fails?: boolean;
      catches?: boolean;
      process?: boolean;
    }

    @Controller('orders')
    class Orders {
      constructor(
        private readonly tasks: BackgroundTasks,
        private readonly mailer: Mailer,
      ) {}

      @Post()
      async create(@Body() { id, fails, catches }: Order) {
        this.tasks.addTask(this.mailer, 'here', -id);
        try {
          return await library.transaction(async ({ transaction, insert }) => {
            await insert(id);
            const task = this.tasks.addTask(this.mailer, 'confirm', id);
            await this.tasks.flush({ transaction });
            if (fails) {
              throw new RolledBack();
            }
            return { id: task.id };
          });
        } catch (error) {
          if (catches) {
            this.tasks.discard();
            return { rejected: true };
          }
          throw error;
        }
      }

      @Post('mixed')
      async mixed(@Body() { id }: Order) {
        this.tasks.addTask(this.mailer, 'here', id);
        return library.transaction(({ transaction }) => this.tasks.flush({ transaction }));
      }

      @Get('outside')
      async outside() {
        const { tasks, mailer } = this;
        const outside = new Promise((resolve) => {
          tasks.addTask(async () => {
            tasks.addTask(mailer, 'confirm', 1);
            const { id } = currentTask()!;
            resolve([id, await tasks.flush({ transaction: { query: async () => [] } }).catch(String)]);
          });
        });
        void outside.then((it) => runs.push(it as unknown[]));
        return {};
      }
    }

    const orders = async () =>
      (await admin.query<{ id: number }>(`SELECT id FROM "${prefix}".orders`)).rows.map(({ id }) => id);

    const startWeb = () =>
      startApp({
        imports: [BullMqTasksModule.forRoot({ connection: url!, prefix })],
        controllers: [Orders],
        providers: [Mailer],
      });

    const post = async (to: string, order: Order) => {
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(to, { method: 'POST', headers, body: JSON.stringify(order) });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };

    test('commit with its data, and run once; tasks of the process run as always', async () => {
      const { url: to, app } = await startWeb();
      const { status, body } = await post(`${to}/orders`, { id: 5 });
      expect(status).toBe(201);
      expect(await orders()).toEqual([5]);
      await vi.waitFor(async () =>
        expect(await app.get(TaskRegistry).get(body['id'] as string)).toMatchObject({ status: 'completed' }),
      );
      expect(runs).toHaveLength(2);
      expect(runs).toEqual(expect.arrayContaining([[-5], [5]]));
    });

    test('are gone with its data when the handler throws', async () => {
      const { url: to, runner } = await startWeb();
      const { status } = await post(`${to}/orders`, { id: 6, fails: true });
      expect(status).toBe(500);
      await runner.drain();
      expect(await orders()).toEqual([]);
      expect(runs).toEqual([]);
      expect(runner.stats()).toMatchObject({ pending: 0, skipped: 2 });
    });

    test('discard() also skips what the request has added for itself', async () => {
      const { url: to, runner } = await startWeb();
      const { status, body } = await post(`${to}/orders`, { id: 7, fails: true, catches: true });
      expect([status, body]).toEqual([201, { rejected: true }]);
      await runner.drain();
      expect(runs).toEqual([]);
      expect(runner.stats()).toMatchObject({ pending: 0, skipped: 2, completed: 0 });
    });

    test('flush says that tasks of the process are no part of a transaction', async () => {
      const { url: to, log } = await startWeb();
      expect((await post(`${to}/orders/mixed`, { id: 8 })).status).toBe(500);
      expect(log.entries.map(({ message, rest }) => `${message} ${String(rest[0])}`).join()).toContain(
        'flush({ transaction }): expected a durable task, got task "Mailer.here"',
      );
    });

    test('outside of a request, flush says that the tasks were enqueued before', async () => {
      const { url: to } = await startWeb();
      await fetch(`${to}/orders/outside`);
      await vi.waitFor(() =>
        expect(runs).toContainEqual([expect.any(String), expect.stringContaining('TaskRunner.within(transaction)')]),
      );
    });
  });
});
