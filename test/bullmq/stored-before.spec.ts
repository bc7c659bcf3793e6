import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import {
  ConflictException,
  Controller,
  Get,
  Injectable,
  Param,
  ParseIntPipe,
  Post,
  UseGuards,
  type CanActivate,
} from '@nestjs/common';
import { expect, test } from 'vitest';
import { BackgroundTasks, Task, TaskQueueError, TaskRegistry, Tasks } from 'nestjs-background-tasks';
import { BullMqQueues, BullMqTasksModule, type BullMqTasksModuleOptions } from 'nestjs-background-tasks/bullmq';
import { startProxy } from '../fixtures/cutting-proxy.ts';
import { RawResponse } from '../fixtures/place.ts';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { startRedis } from '../fixtures/redis-server.ts';
import { startApp } from '../fixtures/start-app.ts';

@Injectable()
class Mailer {
  @Task({ queue: 'mail' })
  send(_to: string) {}

  @Task({ queue: 'archive' })
  archive(_to: string) {}
}

@Injectable()
class AddingGuard implements CanActivate {
  constructor(
    private readonly tasks: BackgroundTasks,
    private readonly mailer: Mailer,
  ) {}

  canActivate() {
    this.tasks.addTask(this.mailer, 'send', 'guard');
    return true;
  }
}

@Controller()
class MailController {
  constructor(private readonly mailer: Mailer) {}

  @UseGuards(AddingGuard)
  @Post()
  send(@Tasks() tasks: BackgroundTasks) {
    for (let i = 0; i < 5; i++) {
      tasks.addTask(this.mailer, 'send', `to ${i}`);
    }
    return 'sent';
  }

  @Post('many/:count/:methods')
  many(
    @Param('count', ParseIntPipe) count: number,
    @Param('methods') methods: string,
    @Tasks() tasks: BackgroundTasks,
  ) {
    const inTurn = methods.split(',') as ('send' | 'archive')[];
    for (let i = 0; i < count; i++) {
      tasks.addTask(this.mailer, inTurn[i % inTurn.length]!, `${i}`.repeat(10_000));
    }
  }

  @UseGuards(AddingGuard)
  @Post('refused')
  refused(@Tasks() tasks: BackgroundTasks) {
    tasks.addTask(this.mailer, 'send', 'nobody');
    tasks.with({ runOn: 'failure' }).addTask(this.mailer, 'send', 'the operator');
    throw new ConflictException();
  }

  @Get('by-hand')
  async byHand(@Tasks() tasks: BackgroundTasks, @RawResponse() response: ServerResponse) {
    tasks.addTask(this.mailer, 'send', 'by hand');
    await tasks.flush();
    response.end('by hand');
    await new Promise((resolve) => response.once('close', resolve));
  }
}

async function start(options: BullMqTasksModuleOptions) {
  const started = await startApp({
    imports: [BullMqTasksModule.forRoot({ worker: false, ...options })],
    controllers: [MailController],
    providers: [Mailer, AddingGuard],
  });
  const queues = started.app.get(BullMqQueues).all;
  const stored = async () => {
    const counts = await Promise.all(queues.map((queue) => queue.getJobCountByTypes('waiting')));
    return counts.reduce((all, count) => all + count);
  };
  return { ...started, stored };
}

stopStores();

test.each(stores)(
  'on $name, all tasks are in their queues when the response arrives, added in any layer',
  async ({ connection }) => {
    const { url, stored } = await start({ connection, prefix: ownPrefix() });
    expect((await fetch(url, { method: 'POST' })).status).toBe(201);
    expect(await stored()).toBe(6);
  },
);

test.each(stores)(
  'on $name, a response with an error enqueues only the tasks that ask for it',
  async ({ connection }) => {
    const { url, stored } = await start({ connection, prefix: ownPrefix() });
    expect((await fetch(`${url}/refused`, { method: 'POST' })).status).toBe(409);
    expect(await stored()).toBe(1);
  },
);

test.each(stores)('on $name, a handler that answers by itself enqueues with flush()', async ({ connection }) => {
  const { url, stored } = await start({ connection, prefix: ownPrefix() });
  expect(await (await fetch(`${url}/by-hand`)).text()).toBe('by hand');
  expect(await stored()).toBe(1);
});

test('a server that doesn’t answer is a 503 in time, and is used again when it answers', async () => {
  const redis = await startRedis();
  const { app, url, stored } = await start({ connection: redis.url, prefix: ownPrefix(), enqueueTimeout: 300 });
  // On a busy machine the first one can take longer.
  await expect.poll(async () => (await fetch(url, { method: 'POST' })).status, { timeout: 10_000 }).toBe(201);
  redis.freeze();
  const before = performance.now();
  expect((await fetch(url, { method: 'POST' })).status).toBe(503);
  await expect(app.get(TaskRegistry).get(randomUUID())).rejects.toThrow(TaskQueueError);
  await expect(app.get(TaskRegistry).list({ queue: 'mail' })).rejects.toThrow(TaskQueueError);
  expect(performance.now() - before).toBeLessThan(10_000);
  redis.thaw();
  await expect.poll(async () => (await fetch(url, { method: 'POST' })).status, { timeout: 10_000 }).toBe(201);
  // Tasks that were refused with a 503 are removed if the server has enqueued them all the same.
  await expect.poll(stored).toBe(12);
  await redis.stop();
});

const combinations = stores.flatMap(({ name, connection }) =>
  ['send', 'send,archive'].map((methods) => ({
    name,
    connection,
    methods,
    queues: methods === 'send' ? 'one queue' : 'two queues',
  })),
);

test.each(combinations)(
  'on $name, five tasks in $queues take the round trips of one, and all or none are enqueued',
  async ({ connection, methods }) => {
    const proxy = await startProxy(connection);
    const prefix = ownPrefix();
    const { url, stored } = await start({ connection: proxy.url, prefix, enqueueTimeout: 1_000 });
    // It keeps its connection.
    const other = await start({ connection, prefix });
    const post = (count: number) => fetch(`${url}/many/${count}/${methods}`, { method: 'POST' });
    await post(2);
    expect(await stored()).toBe(2);
    // The fewest of three measurements, because BullMQ also writes to a new queue in the background.
    const roundTrips = async (count: number) => {
      const taken: number[] = [];
      for (let i = 0; i < 3; i++) {
        proxy.takeRoundTrips();
        expect((await post(count)).status).toBe(201);
        taken.push(proxy.takeRoundTrips());
      }
      return Math.min(...taken);
    };
    expect(await roundTrips(5)).toBe(await roundTrips(1));
    expect(await stored()).toBe(20);
    for (const bytes of [100, 10_000, 25_000, 45_000]) {
      const isDone = proxy.cutAfter(bytes);
      expect((await post(5)).status).toBe(503);
      await isDone;
      // Later, the application removes those that are there.
      expect([20, 25]).toContain(await other.stored());
      await expect.poll(stored, { timeout: 10_000 }).toBe(20);
    }
  },
);
