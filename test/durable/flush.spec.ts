import { setImmediate as turn } from 'node:timers/promises';
import { Controller, Get, Injectable, Post, Scope } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { describe, expect, test } from 'vitest';
import {
  BackgroundTasks,
  defineTask,
  Task,
  TaskCancelledError,
  TaskQueueError,
  Tasks,
  type BackgroundTask,
  type BackgroundTasksModuleOptions,
} from 'nestjs-background-tasks';
import { BullMqQueues, BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { startProxy } from '../fixtures/cutting-proxy.ts';
import { FakeQueue, withResolvers } from '../fixtures/fake-queue.ts';
import { scope } from '../fixtures/place.ts';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { startApp } from '../fixtures/start-app.ts';

@Injectable()
class Mailer {
  @Task({ queue: 'mail' })
  send(_to: string) {}
}

const mailer = new Mailer();

/** What a test does with the tasks of its request. */
let inRequest: (tasks: BackgroundTasks) => unknown;

@Controller()
class FlushController {
  @Get()
  get(@Tasks() tasks: BackgroundTasks) {
    return inRequest(tasks);
  }
}

async function start(onUnavailable: 'throw' | 'run-here' = 'throw', options: BackgroundTasksModuleOptions = {}) {
  const started = await startApp({ controllers: [FlushController] }, options);
  const queue = FakeQueue.in(started.app, onUnavailable);
  /** Outside of requests, as a cron job has it. */
  const tasks = await started.app.get(ModuleRef).resolve(BackgroundTasks, undefined, { strict: false });
  return { ...started, queue, tasks };
}

/** Whether a promise is still pending after many turns of the event loop. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let isSettled = false;
  const settle = () => (isSettled = true);
  promise.then(settle, settle);
  for (let i = 0; i < 50; i++) {
    await turn();
  }
  return !isSettled;
}

test('a second flush() waits for the enqueue that the first has begun', async () => {
  const { url, queue } = await start();
  const hanging = queue.hang();
  inRequest = async (tasks) => {
    tasks.addTask(mailer, 'send', 'a');
    void tasks.flush();
    await tasks.flush();
    return queue.names;
  };
  const response = fetch(url);
  await expect.poll(() => queue.calls).toBe(1);
  expect(await isPending(response)).toBe(true);
  hanging.answer();
  expect(await (await response).json()).toEqual(['a']);
  expect(queue.calls).toBe(1);
});

test('both reject if it fails, and the request is a 503', async () => {
  const { url, queue } = await start();
  const hanging = queue.hang();
  const errors: unknown[] = [];
  inRequest = async (tasks) => {
    tasks.addTask(mailer, 'send', 'a');
    const first = tasks.flush();
    tasks.addTask(mailer, 'send', 'b');
    const second = tasks.flush();
    await first.catch((error: unknown) => errors.push(error));
    await second;
  };
  const response = fetch(url);
  await expect.poll(() => queue.calls).toBe(2);
  hanging.refuse();
  expect((await response).status).toBe(503);
  expect(errors).toEqual([expect.any(TaskQueueError)]);
});

test('a failure that a caller has caught is not told of again', async () => {
  const { url, queue } = await start();
  inRequest = async (tasks) => {
    queue.refuse();
    tasks.addTask(mailer, 'send', 'a');
    await tasks.flush().catch(() => (queue.answer = () => Promise.resolve()));
    tasks.addTask(mailer, 'send', 'b');
    await tasks.flush();
    return 'stored the second';
  };
  const response = await fetch(url);
  expect(response.status).toBe(200);
  expect(queue.names).toEqual(['b']);
});

test('a response waits for a flush that nobody awaits', async () => {
  const { url, queue } = await start();
  const hanging = queue.hang();
  inRequest = (tasks) => {
    tasks.addTask(mailer, 'send', 'a');
    void tasks.flush();
    return 'sent';
  };
  const response = fetch(url);
  await expect.poll(() => queue.calls).toBe(1);
  expect(await isPending(response)).toBe(true);
  hanging.refuse();
  expect((await response).status).toBe(503);
  expect(queue.names).toEqual([]);
});

test('flush() in a task of a request waits for what the task added', async () => {
  const { url, queue } = await start();
  const child = withResolvers();
  queue.answer = () => child.promise;
  let parent: BackgroundTask;
  inRequest = (tasks) => {
    parent = tasks.addTask(async () => {
      for (let i = 0; i < 10; i++) {
        tasks.addTask(mailer, 'send', `${i}`);
      }
      await tasks.flush();
    });
  };
  await fetch(url);
  await expect.poll(() => queue.calls).toBe(10);
  expect(await isPending(parent!.settled())).toBe(true);
  child.resolve();
  expect(await parent!.settled()).toMatchObject({ status: 'completed' });
  expect(queue.names).toHaveLength(10);
});

test('each task of a request hears of what it added itself, also beside others', async () => {
  const { url, queue } = await start('throw', { execution: 'parallel' });
  const [added, refused] = [withResolvers(), withResolvers()];
  queue.answer = () => Promise.reject(new TaskQueueError('the queue is down'));
  let losing: BackgroundTask;
  let other: BackgroundTask;
  let last: BackgroundTask;
  inRequest = (tasks) => {
    losing = tasks.addTask(async () => {
      tasks.addTask(mailer, 'send', 'lost');
      added.resolve();
      await refused.promise;
      await tasks.flush();
    });
    other = tasks.addTask(async () => {
      await added.promise;
      await tasks.flush();
      refused.resolve();
    });
    last = tasks.addTask(async () => {
      await losing.settled();
      queue.answer = () => Promise.resolve();
      tasks.addTask(mailer, 'send', 'stored');
      await tasks.flush();
    });
  };
  await fetch(url);
  expect(await other!.settled()).toMatchObject({ status: 'completed' });
  expect(await losing!.settled()).toMatchObject({ status: 'failed', error: { name: 'TaskQueueError' } });
  expect(await last!.settled()).toMatchObject({ status: 'completed' });
  expect(queue.names).toEqual(['stored']);
});

describe('outside of requests', () => {
  test('flush() waits for enqueues in flight, and rejects if one fails', async () => {
    const { queue, tasks } = await start();
    const hanging = queue.hang();
    for (let i = 0; i < 3; i++) {
      tasks.addTask(mailer, 'send', `${i}`);
    }
    const flushed = tasks.flush();
    expect(await isPending(flushed)).toBe(true);
    hanging.refuse();
    await expect(flushed).rejects.toThrow(TaskQueueError);
    await tasks.flush();
  });

  test('flush() tells of a failure that came before it', async () => {
    const { queue, tasks, runner } = await start();
    queue.refuse();
    tasks.addTask(mailer, 'send', 'a');
    await runner.drain();
    await expect(tasks.flush()).rejects.toThrow(TaskQueueError);
    await tasks.flush();
  });

  test('a task hears only of what it added itself', async () => {
    const { queue, tasks, runner } = await start();
    queue.refuse();
    const failing = runner.start(async () => {
      tasks.addTask(mailer, 'send', 'refused');
      await turn();
      await tasks.flush();
    });
    expect(await failing.settled()).toMatchObject({ status: 'failed', error: { name: 'TaskQueueError' } });
    queue.answer = () => Promise.resolve();
    const other = runner.start(async () => {
      tasks.addTask(mailer, 'send', 'stored');
      await tasks.flush();
    });
    expect(await other.settled()).toMatchObject({ status: 'completed' });
    await tasks.flush();
  });

  test('flush() resolves where the tasks run in this process instead', async () => {
    const { queue, tasks, runner } = await start('run-here');
    queue.refuse();
    const task = tasks.addTask(mailer, 'send', 'a');
    await tasks.flush();
    await expect(task.stored()).rejects.toThrow(TaskQueueError);
    await runner.drain();
    expect(task.status).toBe('completed');
  });

  test('with run-here, a parallel task waits for none here either', async () => {
    const { url, queue, runner } = await start('run-here');
    queue.refuse();
    const ran: string[] = [];
    const held = withResolvers();
    const note = defineTask((name: string) => void ran.push(name), { name: 'note', queue: 'mail' });
    const hold = defineTask(() => held.promise, { name: 'hold', queue: 'mail' });
    inRequest = (tasks) => {
      tasks.addTask(hold);
      tasks.addTask(note, 'sequential');
      tasks.with({ execution: 'parallel' }).addTask(note, 'parallel');
    };
    expect((await fetch(url)).status).toBe(200);
    await expect.poll(() => ran).toEqual(['parallel']);
    expect(runner.stats()).toMatchObject({ running: 1, pending: 1 });
    held.resolve();
    await runner.drain();
    expect(ran).toEqual(['parallel', 'sequential']);
  });
});

describe('stored()', () => {
  test('resolves when the queue has the task, and at once for a task that is not durable', async () => {
    const { queue, runner } = await start();
    const hanging = queue.hang();
    const task = runner.start(mailer, 'send', 'a');
    const stored = task.stored();
    expect(await isPending(stored)).toBe(true);
    hanging.answer();
    await stored;
    await task.stored();
    expect(queue.names).toEqual(['a']);
    await runner.start(() => new Promise(() => undefined)).stored();
  });

  test('rejects when the task was not enqueued, and nobody has to handle that', async () => {
    const { queue, runner } = await start();
    queue.refuse();
    const task = runner.start(mailer, 'send', 'a');
    void task.stored();
    await expect(task.stored()).rejects.toThrow(TaskQueueError);
    await task.settled();
    await expect(task.stored()).rejects.toThrow(TaskQueueError);
  });

  test('rejects when the task was cancelled or skipped before', async () => {
    const { url, runner } = await start();
    let cancelled: BackgroundTask;
    let skipped: BackgroundTask;
    inRequest = (tasks) => {
      cancelled = tasks.addTask(mailer, 'send', 'cancelled');
      cancelled.cancel();
      skipped = tasks.with({ runOn: 'failure' }).addTask(mailer, 'send', 'skipped');
    };
    await fetch(url);
    await runner.drain();
    await expect(cancelled!.stored()).rejects.toThrow(TaskCancelledError);
    await expect(skipped!.stored()).rejects.toThrow(TaskQueueError);
    expect(skipped!.status).toBe('skipped');
  });
});

test('drain() waits for an enqueue in flight, and so does the shutdown', async () => {
  const { app, queue, runner } = await start();
  const hanging = queue.hang();
  runner.start(mailer, 'send', 'a');
  const drained = runner.drain();
  expect(await isPending(drained)).toBe(true);
  const closed = app.close();
  expect(await isPending(closed)).toBe(true);
  hanging.answer();
  await drained;
  await closed;
  expect(queue.names).toEqual(['a']);
  expect(queue.cancelled).toEqual([]);
});

@Injectable({ scope: scope === Scope.DEFAULT ? Scope.DEFAULT : Scope.REQUEST })
class Importer {
  static began = withResolvers();
  static goOn = withResolvers();

  constructor(private readonly tasks: BackgroundTasks) {}

  @Task({ queue: 'imports' })
  async importAll() {
    Importer.began.resolve();
    await Importer.goOn.promise;
    for (let i = 0; i < 10; i++) {
      this.tasks.addTask(mailer, 'send', `${i}`);
    }
    await this.tasks.flush();
  }
}

@Controller()
class ImportController {
  @Post()
  post(@Tasks() tasks: BackgroundTasks) {
    return tasks.addTask(Importer, 'importAll');
  }
}

stopStores();

test.each(stores)('on $name, a durable task that flushes is done when its children are stored', async (store) => {
  Importer.began = withResolvers();
  Importer.goOn = withResolvers();
  const proxy = await startProxy(store.connection);
  const { app, url, runner } = await startApp({
    imports: [
      BullMqTasksModule.forRoot({
        connection: proxy.url,
        prefix: ownPrefix(),
        enqueueTimeout: 3_000,
        worker: { queues: ['imports'] },
      }),
    ],
    controllers: [ImportController],
    providers: [Importer, { provide: Mailer, useValue: mailer }],
  });
  const queues = app.get(BullMqQueues);
  expect((await fetch(url, { method: 'POST' })).status).toBe(201);
  await Importer.began.promise;
  proxy.hang();
  Importer.goOn.resolve();
  // Each of the ten is given up.
  await expect.poll(() => runner.stats().failed, { timeout: 25_000 }).toBeGreaterThanOrEqual(10);
  proxy.goOn();
  const count = (queue: string, state: 'failed' | 'completed' | 'waiting') => async () =>
    (await queues.get(queue).getJobCounts(state))[state];
  await expect.poll(count('imports', 'failed'), { timeout: 20_000 }).toBe(1);
  expect(await count('imports', 'completed')()).toBe(0);
  await expect.poll(count('mail', 'waiting'), { timeout: 20_000 }).toBe(0);
});
