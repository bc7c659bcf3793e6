import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { Pool } from 'pg';
import { afterAll, describe, expect, test } from 'vitest';
import { Task } from 'nestjs-background-tasks';
import { BullMqQueues, BullMqTasksModule, type BullMqTasksModuleOptions } from 'nestjs-background-tasks/bullmq';
import { noSuchQueue } from '../../lib/durable/durable.messages.ts';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { startPostgres } from '../fixtures/postgres-server.ts';
import { startRedis } from '../fixtures/redis-server.ts';
import { startApp } from '../fixtures/start-app.ts';

@Injectable()
class Work {
  @Task({ queue: 'work' })
  double(n: number) {
    return 2 * n;
  }
}

const start = (options: BullMqTasksModuleOptions) =>
  startApp({ imports: [BullMqTasksModule.forRoot(options)], providers: [Work] });

const url = (name: string) => stores.find((store) => store.name === name)?.connection;
const redisUrl = url('Redis');
const postgresUrl = url('Postgres');

const opened: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of opened) {
    await close();
  }
});

function redisClient() {
  const client = new Redis(redisUrl!);
  opened.push(() => client.disconnect());
  return client;
}

function pool() {
  const made = new Pool({ connectionString: postgresUrl });
  opened.push(() => made.end());
  return made;
}

const hostOf = (address: string) => ({ host: new URL(address).hostname, port: Number(new URL(address).port) });

const kinds = {
  ...(redisUrl && {
    'a URL of Redis': () => redisUrl,
    'options of ioredis': () => hostOf(redisUrl),
    'a client of ioredis': redisClient,
  }),
  ...(postgresUrl && {
    'a URL of Postgres': () => postgresUrl,
    'options of pg': () => ({
      ...hostOf(postgresUrl),
      user: 'postgres',
      database: new URL(postgresUrl).pathname.slice(1),
    }),
    'a pool of pg': pool,
  }),
} as { [kind: string]: () => BullMqTasksModuleOptions['connection'] };

stopStores();

describe.each(Object.entries(kinds))('%s', (_kind, make) => {
  test('is a connection, and what was given stays open', async () => {
    const connection = make();
    const { app, runner } = await start({ connection, prefix: ownPrefix() });
    const task = runner.start(app.get(Work), 'double', 21);
    expect(await task.settled()).toMatchObject({ status: 'completed', result: 42 });
    await app.close();
    if (connection instanceof Redis) {
      expect(await connection.ping()).toBe('PONG');
    }
    if (connection instanceof Pool) {
      expect((await connection.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    }
  });
});

test.runIf(redisUrl)('BullMQ’s own queues are there before the application has started', async () => {
  const { app } = await start({ connection: redisUrl!, prefix: ownPrefix(), worker: false });
  const queues = app.get(BullMqQueues);
  expect(queues.all.map(({ name }) => name)).toContain('work');
  expect(await queues.get('work').getJobCounts('waiting')).toEqual({ waiting: 0 });
  expect(() => queues.get('wrok')).toThrow(
    noSuchQueue(
      'wrok',
      queues.all.map(({ name }) => name),
    ),
  );
});

describe('a store that is away when the application starts', () => {
  test.each([
    ['Redis', startRedis],
    ['Postgres', startPostgres],
  ] as const)('%s doesn’t keep it from starting, and is used when it is there', async (_name, startServer) => {
    const first = await startServer();
    const { port } = new URL(first.url);
    await first.stop();
    const { app, runner } = await start({ connection: first.url, prefix: ownPrefix(), enqueueTimeout: 300 });
    const refused = runner.start(app.get(Work), 'double', 1);
    expect(await refused.settled()).toMatchObject({ status: 'failed', error: { name: 'TaskQueueError' } });
    const second = await startServer(Number(port));
    await expect
      .poll(async () => (await runner.start(app.get(Work), 'double', 21).settled()).result, { timeout: 20_000 })
      .toBe(42);
    await app.close();
    await second.stop();
  });
});

describe('a store that refuses keeps the application from starting, with its own words', () => {
  test.runIf(redisUrl)('Redis', async () => {
    const connection = `redis://nobody:wrong@${new URL(redisUrl!).host}`;
    await expect(start({ connection, prefix: ownPrefix() })).rejects.toThrow(/BullMqTasksModule.*(WRONGPASS|AUTH)/);
  });

  test.runIf(postgresUrl)('Postgres', async () => {
    const connection = new URL(postgresUrl!);
    connection.pathname = '/no_such_database';
    await expect(start({ connection: connection.href, prefix: ownPrefix() })).rejects.toThrow(
      /BullMqTasksModule.*no_such_database/,
    );
  });
});

describe.runIf(redisUrl)('options of workers', () => {
  const startWorker = (worker: object) => start({ connection: redisUrl!, prefix: ownPrefix(), worker });

  test('one that is unknown, or wrong, is named with what was expected', async () => {
    await expect(startWorker({ concurency: 4 })).rejects.toThrow(
      /worker: expected one of the options .*concurrency.*, got 'concurency'/,
    );
    await expect(startWorker({ concurrency: 0 })).rejects.toThrow(/worker: option 'concurrency': expected a whole/);
    await expect(startWorker({ limiter: { max: 'x', duration: 1 } })).rejects.toThrow(/limiter: option 'max'/);
    await expect(startWorker({ queues: ['wrok'] })).rejects.toThrow(/worker: option 'queues'.*\(work\), got 'wrok'/);
  });

  test('a process takes from those queues that it is told', async () => {
    const prefix = ownPrefix();
    const options = { connection: redisUrl!, prefix };
    const { app, runner } = await start({ ...options, worker: { queues: [] } });
    const task = runner.start(app.get(Work), 'double', 21);
    await expect.poll(() => app.get(BullMqQueues).get('work').getJobCounts('waiting')).toEqual({ waiting: 1 });
    const worker = await start({ ...options, worker: { queues: ['work'], concurrency: 1 } });
    expect(await task.settled()).toMatchObject({ result: 42 });
    expect(worker.runner.stats().completed).toBe(1);
    expect(runner.stats().completed).toBe(0);
  });
});
