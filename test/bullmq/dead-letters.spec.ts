import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { describe, expect, test } from 'vitest';
import { currentTask, InvalidOptionError, Task, TaskArgumentError, TaskRegistry } from 'nestjs-background-tasks';
import { BullMqQueues, BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { unreadableArguments } from '../../lib/bullmq/bullmq.messages.ts';
import { noSuchQueue, retryIfOfCall } from '../../lib/durable/durable.messages.ts';
import { taskCancelled } from '../../lib/errors/task.errors.ts';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { startApp } from '../fixtures/start-app.ts';

let isBroken = true;
const attempts: number[] = [];

@Injectable()
class Mailer {
  @Task({ queue: 'mail', attempts: 2, retryIf: (error) => !(error instanceof TypeError) })
  send(to: string) {
    attempts.push(currentTask()!.attempt);
    if (isBroken) {
      throw new RangeError('refused', { cause: new TypeError(`no host for ${to}`) });
    }
    return to;
  }

  @Task({ queue: 'mail', attempts: 5, retryIf: (error) => !(error instanceof TypeError) })
  hopeless() {
    throw new TypeError('never');
  }

  @Task({ queue: 'mail' })
  count() {
    for (let i = 1; i <= 100; i++) {
      currentTask()!.updateProgress(i);
    }
  }

  @Task({ queue: 'other' })
  other() {}
}

const start = (connection: string, prefix: string, worker: false | object = {}) =>
  startApp({ imports: [BullMqTasksModule.forRoot({ connection, prefix, worker })], providers: [Mailer] });

stopStores();

describe.each(stores)('on $name', ({ connection }) => {
  test('what has failed is seen from every process, says why, and runs again by its id with all its attempts', async () => {
    const prefix = ownPrefix();
    isBroken = true;
    attempts.length = 0;
    const web = await start(connection, prefix, false);
    await start(connection, prefix);
    const registry = web.app.get(TaskRegistry);
    const tasks = ['ada', 'bob'].map((to) => web.runner.start(web.app.get(Mailer), 'send', to));
    await Promise.all(tasks.map((task) => task.settled()));
    const failed = await registry.list({ queue: 'mail', status: 'failed' });
    expect(failed.map(({ id }) => id).toSorted()).toEqual(tasks.map(({ id }) => id).toSorted());
    expect(await registry.get(tasks[0]!.id)).toMatchObject({
      status: 'failed',
      attempts: 2,
      error: { name: 'RangeError', message: 'refused', cause: { name: 'TypeError', message: 'no host for ada' } },
    });
    isBroken = false;
    expect(await registry.retry(tasks[0]!.id)).toBe(true);
    await expect
      .poll(() => registry.get(tasks[0]!.id))
      .toMatchObject({ status: 'completed', attempts: 1, result: 'ada' });
    expect(attempts.toSorted((a, b) => a - b)).toEqual([1, 1, 1, 2, 2]);
    expect(await registry.retry(tasks[0]!.id)).toBe(false);
    expect(await registry.retry('no such task')).toBe(false);
    expect(await registry.list({ queue: 'mail', status: 'failed' })).toHaveLength(1);
    expect(await registry.list({ queue: 'mail', name: 'Mailer.send', limit: 1 })).toHaveLength(1);
    expect(await registry.list({ queue: 'mail', status: 'completed' })).toMatchObject([{ id: tasks[0]!.id }]);
    expect(await registry.list({ queue: 'other' })).toEqual([]);
  });

  test('retryIf counts where the task is defined, and is refused where it can’t be stored', async () => {
    const { runner, app } = await start(connection, ownPrefix());
    const task = runner.start(app.get(Mailer), 'hopeless');
    expect(await task.settled()).toMatchObject({ status: 'failed', attempts: 1, error: { name: 'TypeError' } });
    expect(() => runner.with({ retryIf: () => true }).start(app.get(Mailer), 'hopeless')).toThrow(
      new TaskArgumentError(retryIfOfCall('Mailer.hopeless')),
    );
  });

  test('one that is cancelled before its turn stays to be seen, never runs, and can be tried again', async () => {
    const prefix = ownPrefix();
    isBroken = false;
    attempts.length = 0;
    const web = await start(connection, prefix, false);
    const registry = web.app.get(TaskRegistry);
    const mailer = web.app.get(Mailer);
    const waiting = web.runner.start(mailer, 'send', 'ada');
    const delayed = web.runner.with({ delay: 1_000_000 }).start(mailer, 'send', 'bob');
    await expect.poll(() => registry.list({ queue: 'mail', status: 'pending' })).toHaveLength(2);
    expect(await registry.cancel(waiting.id)).toBe(true);
    expect(delayed.cancel()).toBe(true);
    for (const { id } of [waiting, delayed]) {
      await expect
        .poll(() => registry.get(id))
        .toMatchObject({
          status: 'cancelled',
          error: { name: 'TaskCancelledError', message: taskCancelled('Mailer.send', 'requested') },
        });
    }
    expect(await registry.cancel(waiting.id)).toBe(false);
    await start(connection, prefix);
    await expect.poll(() => registry.list({ queue: 'mail', status: 'cancelled' })).toHaveLength(2);
    expect(await registry.list({ queue: 'mail', status: 'pending' })).toEqual([]);
    await expect.poll(() => registry.get(delayed.id)).toMatchObject({ attempts: 0 });
    expect(await registry.get(delayed.id)).not.toHaveProperty('startedAt');
    // Its turn has to have come.
    await expect.poll(() => registry.retry(delayed.id)).toBe(true);
    await expect.poll(() => registry.get(delayed.id)).toMatchObject({ status: 'completed' });
    expect(attempts).toEqual([1]);
  });
});

test.each(stores)('on $name, a job that something else has put there fails, and says so', async ({ connection }) => {
  const { app, log } = await start(connection, ownPrefix());
  const message = unreadableArguments('Mailer.send', 'mail');
  const ids: (string | undefined)[] = [];
  const args = [undefined, ['ada'], null, { json: 'ada' }, { base64: '?' }];
  for (const data of args.map((it) => ({ args: it }))) {
    const { id } = await app.get(BullMqQueues).get('mail').add('Mailer.send', data, { jobId: randomUUID() });
    ids.push(id);
    await expect
      .poll(() => app.get(TaskRegistry).get(id!))
      .toMatchObject({ status: 'failed', error: { name: 'TaskQueueError', message } });
  }
  expect(log.said('error').map((entry) => entry.message)).toEqual(ids.map((id) => `${message} (${id})`));
});

test.each(stores)('on $name, the last progress is what stays, however many there were', async ({ connection }) => {
  const { app, runner } = await start(connection, ownPrefix());
  const tasks = Array.from({ length: 20 }, () => runner.start(app.get(Mailer), 'count'));
  for (const task of tasks) {
    expect(await task.settled()).toMatchObject({ status: 'completed', progress: 100 });
  }
});

test('a queue that no task names is an error that names those that there are', async () => {
  const { app } = await startApp({ providers: [Mailer] });
  await expect(app.get(TaskRegistry).list({ queue: 'mail' })).rejects.toThrow(
    new InvalidOptionError(noSuchQueue('mail', [])),
  );
  expect(await app.get(TaskRegistry).retry('2ab04a53-2f28-4ed6-9b41-3f37c4b59bb4')).toBe(false);
});
