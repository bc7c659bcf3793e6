import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { Injectable, Module, type OnModuleInit } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
// @ts-expect-error BullMQ publishes no types of its scripts.
import * as scripts from 'bullmq/dist/cjs/scripts/index.js';
import { Redis } from 'ioredis';
import { Client, Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { BackgroundTasksModule, chain, previousResult, step, Task, TaskRunner } from 'nestjs-background-tasks';
import { BullMqQueues, BullMqTasksModule, type BullMqTasksModuleOptions } from 'nestjs-background-tasks/bullmq';
import {
  poolerInBetween,
  serverRefused,
  unfitConnectionOption,
  unreadableUrl,
  wrongDatabase,
} from '../../lib/bullmq/bullmq.messages.ts';
import { forbiddenCommands } from '../../lib/bullmq/store/redis-permissions.ts';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { RecordingLogger } from '../fixtures/recording-logger.ts';
import { startRedis, type OwnRedisServer } from '../fixtures/redis-server.ts';
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

/** Runs a task on each connection: one that enqueues, one that claims, and one that waits. */
async function runsTasks(options: BullMqTasksModuleOptions) {
  const { app, runner } = await start({ prefix: ownPrefix(), ...options });
  const work = app.get(Work);
  const task = runner.start(chain(step(work, 'double', 1), step(work, 'double', previousResult)));
  expect(await task.settled()).toMatchObject({ status: 'completed', result: 4 });
  await app.close();
}

stopStores();

describe('Redis', () => {
  let server: OwnRedisServer;
  let client: Redis;
  let host: { host: string; port: number };

  beforeAll(async () => {
    server = await startRedis();
    client = new Redis(server.url);
    host = { host: '127.0.0.1', port: Number(new URL(server.url).port) };
  });
  afterAll(async () => {
    client.disconnect();
    await server.stop();
  });

  /** What only scripts use that this package never calls: for boards, and for BullMQ's relay. */
  const never =
    /^(relay|obliterate|paginate|removeOrphanedJobs|drain|cleanJobsInSet|addLog|getMetrics|change|pause|getDepen|getCountsPer|removeUnprocessed|removeChild|moveJobsToWait)/;

  const commands = new Set(
    Object.values(scripts as unknown as Record<string, { name?: string; content?: string }>)
      .filter(({ name, content }) => content && !never.test(name!))
      .flatMap(({ content }) =>
        Array.from(content!.matchAll(/(?:rcall|redis\.p?call)\(\s*["'](\w+)["']/g), ([, it]) => it!),
      )
      .map((command) => command.toLowerCase()),
  );

  test.each([
    ...commands,
    'hsetnx',
    'type',
    'xrevrange',
    'info',
    'client|setname',
    'bzpopmin',
    'xread',
    'eval',
    'evalsha',
    'multi',
    'exec',
  ])('a user who may not run %s keeps the application from starting, with an error that names it', async (command) => {
    const user = `without-${command.replace('|', '-')}`;
    await client.call('ACL', 'SETUSER', user, 'on', '>secret', '~*', '+@all', `-${command}`);
    const connection = `redis://${user}:secret@127.0.0.1:${host.port}`;
    const named = command === 'exec' ? 'MULTI' : command.toUpperCase().replace(/\|.*/, '');
    await expect(start({ connection, prefix: ownPrefix() })).rejects.toThrow(
      new RegExp(`^BullMqTasksModule.*NOPERM the user may not run [A-Z, ]*\\b${named}\\b`),
    );
  });

  test('a user for the keys of the prefix alone can do everything', async () => {
    await client.call(
      'ACL',
      'SETUSER',
      'limited',
      'on',
      '>secret',
      '~mine:*',
      '+@all',
      '-@admin',
      '-@dangerous',
      '+info',
    );
    await runsTasks({ connection: `redis://limited:secret@127.0.0.1:${host.port}`, prefix: 'mine' });
    await expect(
      start({ connection: `redis://limited:secret@127.0.0.1:${host.port}`, prefix: 'other' }),
    ).rejects.toThrow(/NOPERM.*'other:'/);
  });

  test('a process that only enqueues needs no commands of workers', async () => {
    await client.call('ACL', 'SETUSER', 'web', 'on', '>secret', '~*', '+@all', '-info', '-bzpopmin', '-client');
    const connection = `redis://web:secret@127.0.0.1:${host.port}`;
    const { app, runner } = await start({ connection, prefix: ownPrefix(), worker: false });
    runner.start(app.get(Work), 'double', 1);
    await expect.poll(() => app.get(BullMqQueues).get('work').getJobCounts('waiting')).toEqual({ waiting: 1 });
  });

  test('a command that is forbidden later is asked for twice a second, not without a pause', async () => {
    await client.call('ACL', 'SETUSER', 'later', 'on', '>secret', '~*', '+@all');
    const { app, runner } = await start({
      connection: `redis://later:secret@127.0.0.1:${host.port}`,
      prefix: ownPrefix(),
    });
    expect(await runner.start(app.get(Work), 'double', 1).settled()).toMatchObject({ status: 'completed' });
    const rejected = async () => {
      const stats = await client.info('commandstats');
      return [...stats.matchAll(/rejected_calls=(\d+)/g)].reduce((sum, [, calls]) => sum + Number(calls), 0);
    };
    await client.call('ACL', 'SETUSER', 'later', '-evalsha', '-eval', '-bzpopmin');
    await expect.poll(rejected).toBeGreaterThan(0);
    const [before, since] = [await rejected(), performance.now()];
    await expect.poll(rejected).toBeGreaterThan(before + 2);
    const rate = ((await rejected()) - before) / ((performance.now() - since) / 1_000);
    expect(rate).toBeLessThan(50);
    await client.call('ACL', 'SETUSER', 'later', '+@all');
    await expect.poll(async () => (await runner.start(app.get(Work), 'double', 1).settled()).status).toBe('completed');
  });

  test('a database that the server does not have is refused', async () => {
    for (const connection of [`${server.url}/99`, { ...host, db: 99 }]) {
      await expect(start({ connection, prefix: ownPrefix() })).rejects.toThrow(/BullMqTasksModule.*DB index/);
    }
    await runsTasks({ connection: `${server.url}/3` });
  });

  test('a database that is no number is refused', async () => {
    const urls = [`${server.url}/mine`, `${server.url}/1x?family=4`, `${server.url}?db=mine`];
    for (const connection of [...urls, { ...host, db: -1 }, { ...host, db: NaN }]) {
      await expect(start({ connection })).rejects.toThrow(wrongDatabase());
    }
    await runsTasks({ connection: `${server.url}/` });
  });

  test('a refused start of an application is refused again, because its connections are closed', async () => {
    const module = await Test.createTestingModule({
      imports: [BackgroundTasksModule.forRoot(), BullMqTasksModule.forRoot({ connection: `${server.url}/99` })],
      providers: [Work],
    })
      .setLogger(new RecordingLogger())
      .compile();
    onTestFinished(() => module.close());
    const app = module.createNestApplication();
    for (let starts = 0; starts < 2; starts++) {
      await expect(app.init()).rejects.toThrow(/BullMqTasksModule.*DB index/);
    }
  });

  test('a start that fails leaves no connection open', async () => {
    await client.call('ACL', 'SETUSER', 'closed', 'on', '>secret', '~*', '+@all', '-info');
    await client.call('ACL', 'SETUSER', 'unused', 'on', '>secret', '~*', '+@all');
    const connectionsOf = async (user: string) =>
      String(await client.call('CLIENT', 'LIST'))
        .split('\n')
        .filter((line) => line.includes(` user=${user} `)).length;

    const startOf = (user: string, providers: (new () => object)[]) => {
      @Module({
        imports: [
          BackgroundTasksModule.forRoot(),
          BullMqTasksModule.forRoot({
            connection: `redis://${user}:secret@127.0.0.1:${host.port}`,
            prefix: ownPrefix(),
          }),
        ],
        providers,
      })
      class AppModule {}
      return NestFactory.createApplicationContext(AppModule, { abortOnError: false, logger: false });
    };

    await expect(startOf('closed', [Work])).rejects.toThrow('INFO');
    await expect.poll(() => connectionsOf('closed')).toBe(0);

    @Injectable()
    class Broken {
      constructor() {
        throw new Error('broken');
      }
    }
    await expect(startOf('unused', [Work, Broken])).rejects.toThrow('broken');
    await expect.poll(() => connectionsOf('unused')).toBe(0);
  });

  test('an application that closes while Redis is gone leaves no timer that goes on', async () => {
    const own = await startRedis();
    // The worker renews locks every 100 ms.
    const worker = { lockDuration: 400 };
    const { app, runner } = await start({ connection: own.url, prefix: ownPrefix(), worker });
    expect(await runner.start(app.get(Work), 'double', 1).settled()).toMatchObject({ status: 'completed' });
    await own.stop();
    await app.close();
    const timers = vi.spyOn(globalThis, 'setTimeout');
    onTestFinished(() => timers.mockRestore());
    await setTimeout(1_000);
    expect(timers.mock.calls.map(([, delay]) => delay)).not.toContain(100);
  });

  test.each(['redis://host:port', 'redis://:secret@host:70000', 'rediss://[::1'])(
    'a URL that can’t be read is an error without the password: %s',
    async (connection) => {
      await expect(start({ connection })).rejects.toThrow(unreadableUrl('redis://user:password@host:6379/0'));
    },
  );

  test('options for other connections are kept from those that wait', async () => {
    const options = {
      ...host,
      // Longer than a busy machine takes for one command, and shorter than a worker waits.
      commandTimeout: 2_000,
      socketTimeout: 2_000,
      enableOfflineQueue: false,
      lazyConnect: true,
      maxRetriesPerRequest: 1,
      enableAutoPipelining: true,
      autoResendUnfulfilledCommands: false,
    };
    await runsTasks({ connection: options });
    const given = new Redis(options);
    onTestFinished(() => given.disconnect());
    await runsTasks({ connection: given });
  });

  test('options that can’t work are refused by name', async () => {
    const prefix = unfitConnectionOption('keyPrefix', "Use the module's option 'prefix'.");
    await expect(start({ connection: { ...host, keyPrefix: 'x:' } })).rejects.toThrow(prefix);
    await expect(start({ connection: `${server.url}?keyPrefix=x` })).rejects.toThrow(prefix);
    const given = new Redis({ ...host, keyPrefix: 'x:', lazyConnect: true });
    await expect(start({ connection: given })).rejects.toThrow(prefix);
    await expect(start({ connection: `${server.url}?commandTimeout=100` })).rejects.toThrow(
      unfitConnectionOption('commandTimeout', 'The module sets it: leave it out of the URL.'),
    );
    await runsTasks({ connection: `${server.url}?family=4&connectionName=mine` });
  });

  test('the commands of an ordinary user are all allowed', async () => {
    expect(await forbiddenCommands(client, 'x', true)).toEqual([]);
    expect(await client.keys('x:*')).toEqual([]);
    expect(serverRefused('x')).toContain('permissions');
  });
});

/** A proxy that treats the options of a connection as PgBouncer does: it refuses them, or drops them if it is told to. */
async function startPooler(target: string, refuses: boolean): Promise<string> {
  const { hostname, port } = new URL(target);
  const server = createServer((client) => {
    client.once('data', (startup) => {
      const option = /options\0[^\0]*\0/.exec(startup.toString('latin1'))?.[0] ?? '';
      if (refuses && option !== '') {
        const fields = Buffer.from('SFATAL\0C08P01\0Munsupported startup parameter: options\0\0');
        const head = Buffer.from('E0000');
        head.writeInt32BE(fields.length + 4, 1);
        client.end(Buffer.concat([head, fields]));
        return;
      }
      const passed = Buffer.from(startup.toString('latin1').replace(option, ''), 'latin1');
      passed.writeInt32BE(passed.length);
      const postgres = connect(Number(port), hostname);
      for (const [socket, other] of [
        [client, postgres],
        [postgres, client],
      ] as const) {
        socket.on('error', () => other.destroy()).on('close', () => other.destroy());
      }
      postgres.write(passed);
      client.pipe(postgres).pipe(client);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const url = new URL(target);
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return url.href;
}

const postgresUrl = stores.find(({ name }) => name === 'Postgres')?.connection;

describe.runIf(postgresUrl)('Postgres', () => {
  test('a URL with options, and limits of time, work', async () => {
    for (const query of [
      'options=-c%20application_name%3Dmine',
      'statement_timeout=1',
      'query_timeout=1',
      'options=-c+search_path%3Dpublic&application_name=mine',
    ]) {
      await runsTasks({ connection: `${postgresUrl}?${query}` });
    }
    const connectionString = `${postgresUrl}?options=-c%20lock_timeout%3D5000`;
    await runsTasks({ connection: { connectionString, options: '-c application_name=mine', statement_timeout: 1 } });
    const pool = new Pool({ connectionString, query_timeout: 1 });
    await runsTasks({ connection: pool });
    await pool.end();
  });

  test('the options of a URL reach the server', async () => {
    const prefix = ownPrefix();
    await start({ connection: `${postgresUrl}?options=-c%20geqo_seed%3D0.25`, prefix });
    const client = new Client({ connectionString: postgresUrl });
    await client.connect();
    onTestFinished(() => client.end());
    const { rows } = await client.query(`SELECT 1 FROM pg_namespace WHERE nspname = $1`, [prefix]);
    expect(rows).toHaveLength(1);
  });

  test.each(['refuses', 'drops'])('a pooler that %s the options of a connection is refused', async (what) => {
    const url = await startPooler(postgresUrl!, what === 'refuses');
    await expect(start({ connection: url, prefix: ownPrefix() })).rejects.toThrow(poolerInBetween());
  });

  test('a schema whose name BullMQ does not take is refused, with the reason', async () => {
    for (const prefix of ['my-app', 'my app', 'my"app', 'x'.repeat(64)]) {
      await expect(start({ connection: postgresUrl!, prefix })).rejects.toThrow('invalid PostgreSQL schema name');
    }
  });

  test('a URL that can’t be read is an error without the password', async () => {
    for (const connection of ['postgres://user:secret@host:port/db', 'postgres://user:secret@[::1/db']) {
      await expect(start({ connection })).rejects.toThrow(unreadableUrl('postgres://user:password@host:5432/database'));
    }
  });
});

describe.each([...stores, { name: 'PGlite', connection: 'pglite:' }])('on $name', ({ connection }) => {
  test(
    'a feature that is imported before or below the queue module can add tasks in onModuleInit',
    { timeout: 120_000 },
    async () => {
      const results: unknown[] = [];

      @Injectable()
      class Early implements OnModuleInit {
        constructor(
          private readonly runner: TaskRunner,
          private readonly work: Work,
        ) {}

        onModuleInit() {
          const tasks = [
            this.runner.start(this.work, 'double', 4),
            this.runner.start(chain(step(this.work, 'double', 1), step(this.work, 'double', previousResult))),
          ];
          void Promise.all(tasks.map((task) => task.settled())).then((settled) => results.push(...settled));
        }
      }

      @Module({ providers: [Work, Early] })
      class Feature {}

      const queues = BullMqTasksModule.forRoot({ connection, prefix: ownPrefix(), enqueueTimeout: 100_000 });
      await startApp({ imports: [Feature, queues] });
      await expect.poll(() => results, { timeout: 60_000 }).toMatchObject([{ result: 8 }, { result: 4 }]);
    },
  );
});
