import { once } from 'node:events';
import { Injectable } from '@nestjs/common';
import { describe, expect, onTestFinished, test } from 'vitest';
import { chain, currentTask, defineTask, step, Task, TaskRegistry } from 'nestjs-background-tasks';
import { BullMqQueues, BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { unreadableResult } from '../../lib/bullmq/bullmq.messages.ts';
import { BullMqConnection } from '../../lib/bullmq/store/bullmq-connection.ts';
import { taskCancelled } from '../../lib/errors/task.errors.ts';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { startApp } from '../fixtures/start-app.ts';

@Injectable()
class Work {
  @Task({ queue: 'work' })
  double(n: number) {
    return n === 0 ? undefined : n * 2;
  }

  @Task({ queue: 'work' })
  typed() {
    return { count: 5n, at: new Date(0), map: new Map([[1, 2]]) };
  }

  @Task({ queue: 'work' })
  large() {
    return 'x'.repeat(1_000);
  }

  @Task({ queue: 'work' })
  async waits() {
    await once(currentTask()!.signal, 'abort');
  }

  @Task({ queue: 'work' })
  fails() {
    throw new RangeError('no');
  }

  @Task({ queue: 'work', attempts: 2 })
  failsFirst(isFatal: boolean) {
    if (isFatal || currentTask()!.attempt === 1) {
      throw new RangeError('');
    }
  }
}

const start = (connection: string, prefix: string, options: object = {}) =>
  startApp({ imports: [BullMqTasksModule.forRoot({ connection, prefix, ...options })], providers: [Work] });

stopStores();

describe.each([...stores, { name: 'PGlite', connection: 'pglite:' }])('on $name', ({ connection }) => {
  test('a task that completed is told to have completed, also when the queue no longer keeps it', async () => {
    const { app, runner } = await start(connection, ownPrefix(), { keepCompleted: 1, worker: { concurrency: 1 } });
    const tasks = Array.from({ length: 30 }, (_, n) => runner.start(app.get(Work), 'double', n));
    const records = await Promise.all(tasks.map((task) => task.settled()));
    expect(records.map(({ status, result }) => ({ status, result }))).toEqual(
      tasks.map((_, n) => ({ status: 'completed', result: n === 0 ? undefined : n * 2 })),
    );
    const queued = await app.get(TaskRegistry).list({ queue: 'work' });
    expect(queued.length).toBeLessThanOrEqual(1);
  });

  test('a task that is gone has the record that it had', async () => {
    const { app, runner } = await start(connection, ownPrefix(), { maxSize: 500 });
    const [work, registry, queue] = [app.get(Work), app.get(TaskRegistry), app.get(BullMqQueues).get('work')];
    const waiting = runner.start(work, 'waits');
    await expect.poll(() => registry.get(waiting.id)).toMatchObject({ status: 'running' });
    await registry.cancel(waiting.id);
    const tasks = [
      waiting,
      runner.start(work, 'typed'),
      runner.start(work, 'large'),
      runner.start(chain(step(work, 'fails'), step(work, 'double', 1))),
    ];
    for (const task of tasks) {
      await expect.poll(async () => (await registry.get(task.id))?.finishedAt).toBeTruthy();
      const { status, attempts, result, resultOmitted, error } = (await registry.get(task.id))!;
      await queue.remove(task.id);
      expect(await task.settled()).toMatchObject({
        status,
        attempts,
        ...(result !== undefined && { result }),
        ...(resultOmitted !== undefined && { resultOmitted }),
        ...(error && { error }),
      });
    }
    expect(await Promise.all(tasks.map(async (task) => (await task.settled()).status))).toEqual([
      'cancelled',
      'completed',
      'completed',
      'failed',
    ]);
  });

  test('a result of another program settles a task that is gone', async () => {
    const { app, runner } = await start(connection, ownPrefix(), { worker: false });
    const queue = app.get(BullMqQueues).get('work');
    const task = runner.start(app.get(Work), 'double', 1);
    await task.stored();
    const claims = app.get(BullMqConnection).worker('work', () => Promise.resolve('text' as never), {});
    onTestFinished(() => claims.close());
    void claims.run();
    await expect.poll(async () => (await queue.getJob(task.id))?.finishedOn).toBeTruthy();
    await queue.remove(task.id);
    expect(await task.settled()).toMatchObject({
      status: 'completed',
      resultOmitted: unreadableResult('Work.double'),
    });
  });

  test('a task that somebody removes from its queue is told to be removed, and not to have completed', async () => {
    const { app, runner } = await start(connection, ownPrefix(), { worker: false });
    const task = runner.start(app.get(Work), 'double', 1);
    await expect.poll(() => app.get(TaskRegistry).list({ queue: 'work' })).toMatchObject([{ id: task.id }]);
    const settled = task.settled();
    await app.get(BullMqQueues).get('work').remove(task.id);
    expect(await settled).toMatchObject({
      status: 'cancelled',
      attempts: 0,
      error: { name: 'TaskCancelledError', message: taskCancelled('Work.double', 'removed') },
    });
  });

  test('a task that failed without a message, and one that returned nothing after a failure, are told apart', async () => {
    const { app, runner } = await start(connection, ownPrefix());
    const failed = runner.start(app.get(Work), 'failsFirst', true);
    expect(await failed.settled()).toMatchObject({ status: 'failed', attempts: 2, error: { message: '' } });
    const completed = runner.start(app.get(Work), 'failsFirst', false);
    expect(await completed.settled()).toMatchObject({ status: 'completed', attempts: 2 });
    expect(await completed.settled()).not.toHaveProperty('error');
  });

  test('a task of a queue that came up after the start is found, and its handle settles', async () => {
    const { app, runner } = await start(connection, ownPrefix(), { worker: false });
    const registry = app.get(TaskRegistry);
    await registry.list({ queue: 'work' });
    const name = `late${connection.split(':')[0]}`;
    const task = runner.start(defineTask(() => undefined, { name, queue: name }));
    await expect.poll(() => app.get(BullMqQueues, { strict: false }).of(name).getJob(task.id)).toBeTruthy();
    expect(await registry.get(task.id)).toMatchObject({ status: 'pending', queue: name });
    expect(await registry.cancel(task.id)).toBe(true);
    expect(await task.settled()).toMatchObject({ status: 'cancelled', attempts: 0 });
  });
});
