import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { Controller, Injectable, Post } from '@nestjs/common';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { BackgroundTasks, Task, Tasks } from 'nestjs-background-tasks';
import { BullMqQueues, BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { ownPrefix } from '../fixtures/queue-stores.ts';
import { startRedis } from '../fixtures/redis-server.ts';
import { startApp } from '../fixtures/start-app.ts';

let runs = 0;

@Injectable()
class Work {
  @Task({ queue: 'work' })
  run() {
    runs++;
  }

  @Task({ queue: 'other' })
  other() {}
}

@Controller()
class WorkController {
  constructor(private readonly work: Work) {}

  @Post('one')
  one(@Tasks() tasks: BackgroundTasks) {
    tasks.addTask(this.work, 'run');
  }

  @Post('two')
  two(@Tasks() tasks: BackgroundTasks) {
    tasks.addTask(this.work, 'run');
    tasks.addTask(this.work, 'run');
  }

  @Post('two-queues')
  twoQueues(@Tasks() tasks: BackgroundTasks) {
    tasks.addTask(this.work, 'run');
    tasks.addTask(this.work, 'other');
  }
}

async function startRedisWithClient() {
  const server = await startRedis();
  const client = new Redis(server.url);
  onTestFinished(async () => {
    client.disconnect();
    await server.stop();
  });
  return { ...server, client };
}

const start = (connection: string, worker: object | false) =>
  startApp({
    imports: [BullMqTasksModule.forRoot({ connection, prefix: ownPrefix(), worker })],
    providers: [Work],
    controllers: [WorkController],
  });

const statusOf = async (url: string) => (await fetch(url, { method: 'POST' })).status;

test.each(['one', 'two', 'two-queues'])(
  'a Redis that refused the first scripts, or has lost them, is used again: %s',
  async (path) => {
    const { url: redis, client } = await startRedisWithClient();
    const { app, url } = await start(redis, false);
    const isUsed = () => expect.poll(() => statusOf(`${url}/${path}`), { timeout: 10_000 }).toBe(201);
    await client.config('SET', 'maxmemory', '1');
    expect(await statusOf(`${url}/${path}`)).toBe(503);
    await client.config('SET', 'maxmemory', '0');
    await isUsed();
    await client.script('FLUSH');
    await isUsed();
    const counts = app.get(BullMqQueues).all.map((queue) => queue.getJobCountByTypes('waiting'));
    const stored = (await Promise.all(counts)).reduce((all, count) => all + count);
    expect(stored).toBe(path === 'one' ? 2 : 4);
  },
);

test.each(['one', 'two'])('a Redis that refuses all writes gives a 503 to a request with tasks: %s', async (path) => {
  runs = 0;
  const { url: redis, client } = await startRedisWithClient();
  const { url } = await start(redis, {});
  expect(await statusOf(`${url}/${path}`)).toBe(201);
  const before = path === 'one' ? 1 : 2;
  await expect.poll(() => runs).toBe(before);
  for (const [option, refusing, allowing] of [
    ['min-replicas-to-write', '1', '0'],
    ['maxmemory', '1', '0'],
  ] as const) {
    await client.config('SET', option, refusing);
    expect(await statusOf(`${url}/${path}`)).toBe(503);
    await client.config('SET', option, allowing);
  }
  await expect.poll(() => statusOf(`${url}/${path}`)).toBe(201);
  await expect.poll(() => runs).toBe(2 * before);
});

/** An address that leads to one server and later to another, as a name in the DNS does at a failover. */
async function startAddress(first: string) {
  let target = new URL(first);
  const server = createServer((client: Socket) => {
    const redis = connect(Number(target.port), target.hostname);
    const end = () => {
      client.destroy();
      redis.destroy();
    };
    for (const socket of [client, redis]) {
      socket.on('error', end).on('close', end);
    }
    client.pipe(redis).pipe(client);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    lead: (to: string) => void (target = new URL(to)),
  };
}

test.each(['one', 'two'])('after a failover the application finds the new primary by itself: %s', async (path) => {
  runs = 0;
  const old = await startRedisWithClient();
  const next = await startRedisWithClient();
  const address = await startAddress(old.url);
  const web = await start(address.url, false);
  const both = await start(address.url, {});
  expect(await statusOf(`${both.url}/${path}`)).toBe(201);
  const each = path === 'one' ? 1 : 2;
  await expect.poll(() => runs).toBe(each);
  // The old primary goes on as a replica, and keeps its connections.
  address.lead(next.url);
  await old.client.replicaof('127.0.0.1', new URL(next.url).port);
  await expect.poll(() => statusOf(`${web.url}/${path}`)).toBe(201);
  await expect.poll(() => statusOf(`${both.url}/${path}`)).toBe(201);
  // Those of the application that only enqueues have another prefix.
  await expect.poll(() => runs).toBe(2 * each);
});
