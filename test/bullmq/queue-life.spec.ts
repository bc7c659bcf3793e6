import { setTimeout } from 'node:timers/promises';
import { Controller, Injectable, Post } from '@nestjs/common';
import { describe, expect, test } from 'vitest';
import {
  BackgroundTasks,
  currentTask,
  DefineTaskError,
  Task,
  TaskArgumentError,
  TaskRegistry,
  Tasks,
} from 'nestjs-background-tasks';
import { BullMqTasksModule, type BullMqTasksModuleOptions } from 'nestjs-background-tasks/bullmq';
import { argumentsTooLarge } from '../../lib/durable/codec/codec.messages.ts';
import { queueNotImported, sameName } from '../../lib/durable/durable.messages.ts';
import { Gate } from '../fixtures/gate.ts';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { startRedis } from '../fixtures/redis-server.ts';
import { startApp } from '../fixtures/start-app.ts';

let started: Gate;

@Injectable()
class Work {
  @Task({ queue: 'work' })
  async slow() {
    started.open();
    currentTask()!.updateProgress({ done: 1 });
    await setTimeout(20_000, undefined, { signal: currentTask()!.signal });
  }

  @Task({ queue: 'work' })
  quick(text = '') {
    return `done ${text.length}`;
  }
}

@Injectable()
class Other {
  @Task({ queue: 'work', name: 'Work.quick' })
  quick() {}
}

@Controller()
class WorkController {
  constructor(private readonly work: Work) {}

  @Post()
  add(@Tasks() tasks: BackgroundTasks) {
    return { id: tasks.addTask(this.work, 'quick').id };
  }
}

function start(options: BullMqTasksModuleOptions, providers: (new () => object)[] = [Work], shutdownTimeout = 500) {
  started = new Gate();
  const controllers = providers.includes(Work) ? [WorkController] : [];
  return startApp({ imports: [BullMqTasksModule.forRoot(options)], providers, controllers }, { shutdownTimeout });
}

stopStores();

describe.each(stores)('on $name', ({ connection }) => {
  test('a task is cancelled from another process, while it runs or before', async () => {
    const prefix = ownPrefix();
    const web = await start({ connection, prefix, worker: false });
    const registry = web.app.get(TaskRegistry);
    const waiting = web.runner.start(web.app.get(Work), 'quick');
    await expect.poll(() => registry.get(waiting.id)).toMatchObject({ status: 'pending' });
    expect(await registry.cancel(waiting.id)).toBe(true);
    const worker = await start({ connection, prefix });
    const task = web.runner.start(web.app.get(Work), 'slow');
    await started.opened;
    await expect.poll(() => registry.get(task.id)).toMatchObject({ status: 'running', progress: { done: 1 } });
    expect(await registry.cancel(task.id)).toBe(true);
    await expect
      .poll(() => registry.get(task.id), { timeout: 10_000 })
      .toMatchObject({ status: 'cancelled', error: { name: 'TaskCancelledError' } });
    expect(await task.settled()).toMatchObject({ status: 'cancelled' });
    expect(await registry.cancel(task.id)).toBe(false);
    expect(worker.runner.stats()).toMatchObject({ cancelled: 1, completed: 0 });
  });

  test('two tasks of one name: the application doesn’t start', async () => {
    await expect(start({ connection, prefix: ownPrefix() }, [Work, Other])).rejects.toThrow(
      new DefineTaskError(sameName('Work.quick', ['Work.quick', 'Other.quick'])),
    );
  });

  test('arguments that are too large are refused at once', async () => {
    const { app, runner } = await start({ connection, prefix: ownPrefix(), maxSize: 100 });
    expect(() => runner.start(app.get(Work), 'quick', 'x'.repeat(200))).toThrow(TaskArgumentError);
    expect(() => runner.start(app.get(Work), 'quick', 'x'.repeat(200))).toThrow(
      argumentsTooLarge('Work.quick', 213, 100).slice(0, 60),
    );
  });
});

test('without a module for queues, a task for one is refused at once', async () => {
  const { runner } = await startApp({});
  expect(() => runner.start(new Work(), 'quick')).toThrow(
    new TaskArgumentError(queueNotImported('Work.quick', 'work')),
  );
});

test('while Redis is away requests get a 503, or run it here; when it is back, nothing is left behind', async () => {
  const redis = await startRedis();
  const port = Number(new URL(redis.url).port);
  const prefix = ownPrefix();
  const options = { connection: redis.url, prefix, enqueueTimeout: 300 };
  const throwing = await start(options);
  const running = await start({ ...options, onUnavailable: 'run-here' });
  expect((await fetch(throwing.url, { method: 'POST' })).status).toBe(201);
  await expect
    .poll(() => throwing.runner.stats().completed + running.runner.stats().completed, { timeout: 10_000 })
    .toBe(1);
  await redis.stop();
  const response = await fetch(throwing.url, { method: 'POST' });
  expect(response.status).toBe(503);
  expect(response.headers.get('retry-after')).toBe('1');
  expect((await fetch(running.url, { method: 'POST' })).status).toBe(201);
  await running.runner.drain(5_000);
  const before = throwing.runner.stats().completed + running.runner.stats().completed;
  expect(before).toBe(2);
  const again = await startRedis(port);
  await expect.poll(async () => (await fetch(throwing.url, { method: 'POST' })).status, { timeout: 15_000 }).toBe(201);
  await expect
    .poll(() => throwing.runner.stats().completed + running.runner.stats().completed, { timeout: 15_000 })
    .toBe(before + 1);
  await throwing.app.close();
  await running.app.close();
  await again.stop();
});
