import { setTimeout } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { describe, expect, test, vi } from 'vitest';
import { chain, currentTask, step, Task, TaskRegistry } from 'nestjs-background-tasks';
import { BullMqQueues, BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { BullMqCancellations } from '../../lib/bullmq/workers/bullmq-cancellations.ts';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { startApp } from '../fixtures/start-app.ts';

const ran: string[] = [];
/** How many tasks have begun and not ended. */
let open = 0;

@Injectable()
class Work {
  @Task({ queue: 'work' })
  async slow(name = '') {
    ran.push(name);
    open++;
    try {
      await setTimeout(60_000, undefined, { signal: currentTask()!.signal });
    } finally {
      open--;
    }
  }

  @Task({ queue: 'work' })
  async slowOnce() {
    const isFirst = ran.length === 0;
    ran.push('once');
    await (isFirst && setTimeout(60_000, undefined, { signal: currentTask()!.signal }));
  }

  @Task({ queue: 'work', attempts: 2 })
  odd(name: string) {
    ran.push(name);
    if (currentTask()!.attempt === 1) {
      throw Object.assign(new Error('odd'), { name });
    }
  }

  @Task({ queue: 'work' })
  passesOn() {
    throw Object.assign(new Error('of another'), { name: 'TaskCancelledError' });
  }
}

const start = (connection: string, prefix: string, worker: false | object) => {
  ran.length = 0;
  open = 0;
  return startApp({ imports: [BullMqTasksModule.forRoot({ connection, prefix, worker })], providers: [Work] });
};

stopStores();

describe.each(stores)('on $name', ({ connection }) => {
  test('many that run are cancelled from another process, also those that have just begun', async () => {
    const prefix = ownPrefix();
    const web = await start(connection, prefix, false);
    await start(connection, prefix, { concurrency: 150 });
    const registry = web.app.get(TaskRegistry);
    const work = web.app.get(Work);
    const tasks = Array.from({ length: 100 }, (_, i) => web.runner.start(work, 'slow', `${i}`));
    // Cancels some at once, and the others while they run.
    tasks.slice(0, 50).forEach((task) => task.cancel());
    await expect.poll(() => ran.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(50);
    await Promise.all(tasks.slice(50).map(({ id }) => registry.cancel(id)));
    const records = await Promise.all(tasks.map((task) => task.settled()));
    expect(new Set(records.map(({ status }) => status))).toEqual(new Set(['cancelled']));
    await expect.poll(() => open).toBe(0);
  });

  test('a cancelled task that still waits is retried, once for all callers', async () => {
    const prefix = ownPrefix();
    const web = await start(connection, prefix, false);
    const registry = web.app.get(TaskRegistry);
    const task = web.runner.start(web.app.get(Work), 'odd', 'again');
    await expect.poll(() => registry.list({ queue: 'work' })).toHaveLength(1);
    expect(await registry.cancel(task.id)).toBe(true);
    expect(await registry.retry(task.id)).toBe(true);
    expect(await registry.get(task.id)).toMatchObject({ status: 'pending' });
    await start(connection, prefix, {});
    expect(await task.settled()).toMatchObject({ status: 'completed' });
    const failing = web.runner.start(web.app.get(Work), 'passesOn');
    expect(await failing.settled()).toMatchObject({ status: 'failed' });
    const retried = await Promise.all([1, 2, 3].map(() => registry.retry(failing.id)));
    expect(retried).toContain(true);
    const running = web.runner.start(web.app.get(Work), 'slow', 'cancelled and tried again');
    await expect.poll(() => open).toBe(1);
    await registry.cancel(running.id);
    await expect.poll(() => registry.get(running.id)).toMatchObject({ status: 'cancelled', attempts: 1 });
    await web.app.get(BullMqQueues).get('work').pause();
    expect(await registry.retry(running.id)).toBe(true);
    expect(await registry.get(running.id)).toMatchObject({ status: 'pending', attempts: 0 });
  });

  test('a chain that was cancelled while a step runs is retried at once, also while the worker has not heard of the cancel', async () => {
    const prefix = ownPrefix();
    const web = await start(connection, prefix, false);
    await start(connection, prefix, {});
    const registry = web.app.get(TaskRegistry);
    const work = web.app.get(Work);
    // The worker sees the cancel when it next reads the job.
    vi.spyOn(web.app.get(BullMqCancellations, { strict: false }), 'publish').mockResolvedValue();
    const task = web.runner.start(chain(step(work, 'slowOnce'), step(work, 'odd', 'b'), step(work, 'odd', 'c')));
    await expect.poll(() => ran.length).toBe(1);
    expect(await registry.cancel(task.id)).toBe(true);
    expect(await registry.retry(task.id)).toBe(true);
    await expect.poll(() => registry.get(task.id)).toMatchObject({ status: 'completed', attempts: 2 });
    expect(ran).toEqual(['once', 'once', 'b', 'b', 'c', 'c']);
  });

  test('a task that was cancelled too late to be stopped is completed, and is not retried', async () => {
    const { app, runner } = await start(connection, ownPrefix(), {});
    const task = runner.with({ attempts: 2 }).start(app.get(Work), 'odd', 'late');
    expect(await task.settled()).toMatchObject({ status: 'completed' });
    const job = (await app.get(BullMqQueues).get('work').getJob(task.id))!;
    // So it is when the mark of the cancellation comes just before the worker records the end.
    const mark = { cancelledAt: Date.now(), claimsAtCancel: job.attemptsStarted };
    await job.updateData({ ...(job.data as object), ...mark });
    const registry = app.get(TaskRegistry);
    expect(await registry.retry(task.id)).toBe(false);
    expect(await registry.get(task.id)).toMatchObject({ status: 'completed', attempts: 2 });
    expect(ran).toHaveLength(2);
  });

  test.each(['DelayedError', 'WaitingError', 'WaitingChildrenError', 'UnrecoverableError', 'RateLimitError'])(
    'an error that is called %s is an error like any other',
    async (name) => {
      const { app, runner } = await start(connection, ownPrefix(), { lockDuration: 60_000 });
      const task = runner.with({ backoff: { type: 'fixed', delay: 1 } }).start(app.get(Work), 'odd', name);
      expect(await task.settled()).toMatchObject({ status: 'completed', attempts: 2 });
      expect(ran).toEqual([name, name]);
    },
  );
});

test.each(stores)('on $name, short delays are short', async ({ connection }) => {
  const { app, runner } = await start(connection, ownPrefix(), {});
  const begun = performance.now();
  for (let i = 0; i < 10; i++) {
    await runner.with({ delay: 20 }).start(app.get(Work), 'passesOn').settled();
  }
  expect(performance.now() - begun).toBeLessThan(9_000);
});
