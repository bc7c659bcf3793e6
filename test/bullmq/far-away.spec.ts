import { Injectable } from '@nestjs/common';
import { Worker } from 'bullmq';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { Task } from 'nestjs-background-tasks';
import { BullMqQueues, BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { MAX_DELAY } from '../../lib/validation/option-rules.ts';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { startApp } from '../fixtures/start-app.ts';

const DAY = 86_400_000;

@Injectable()
class Work {
  @Task({ queue: 'far', delay: 60 * DAY })
  later() {}

  @Task({ queue: 'far' })
  now() {
    return 'done';
  }

  @Task({ queue: 'far', attempts: 2, backoff: { type: 'fixed', delay: 40 * DAY + 0.5 } })
  failing() {
    throw new Error('not now');
  }

  @Task({ queue: 'far', attempts: 5, backoff: { type: 'exponential', delay: MAX_DELAY } })
  doubling() {
    throw new Error('not now');
  }

  @Task({ queue: 'rare', repeat: { every: 30 * DAY } })
  rare() {}
}

const start = (connection: string) =>
  startApp({ imports: [BullMqTasksModule.forRoot({ connection, prefix: ownPrefix() })], providers: [Work] });

stopStores();

describe.each(stores)('$name waits for longer than a timer', ({ connection }) => {
  test('a delay, given in the definition or the call, is stored as it is', async () => {
    const { app, runner } = await start(connection);
    const work = app.get(Work);
    const jobOf = async (task: { id: string; stored(): Promise<void> }) => {
      await task.stored();
      return app.get(BullMqQueues).get('far').getJob(task.id);
    };
    expect(await jobOf(runner.start(work, 'later'))).toMatchObject({ delay: 60 * DAY, opts: { delay: 60 * DAY } });
    expect(await jobOf(runner.with({ delay: MAX_DELAY }).start(work, 'now'))).toMatchObject({ delay: MAX_DELAY });
    // Postgres refuses a part of a millisecond.
    expect(await jobOf(runner.with({ delay: 1_000_000.5 }).start(work, 'now'))).toMatchObject({ delay: 1_000_001 });
    expect(await app.get(BullMqQueues).get('far').getDelayedCount()).toBe(3);
  });

  test('a backoff, also one that grows beyond what a server can keep', async () => {
    const { app, runner, log } = await start(connection);
    const work = app.get(Work);
    const queue = app.get(BullMqQueues).get('far');
    const failing = runner.start(work, 'failing');
    await expect.poll(async () => (await queue.getJob(failing.id))?.delay).toBe(40 * DAY + 1);
    const doubling = runner.start(work, 'doubling');
    await expect.poll(async () => (await queue.getJob(doubling.id))?.delay).toBe(MAX_DELAY);
    await (await queue.getJob(doubling.id))!.promote();
    await expect
      .poll(async () => {
        const job = await queue.getJob(doubling.id);
        return job?.attemptsMade === 2 && job.delay;
      })
      .toBe(MAX_DELAY);
    expect(log.said('error')).toEqual([]);
  });

  test('an interval', async () => {
    const { app } = await start(connection);
    const queue = app.get(BullMqQueues).get('rare');
    await expect.poll(async () => (await queue.getJobSchedulers())[0]?.every).toBe(30 * DAY);
    const [scheduler] = await queue.getJobSchedulers();
    const { next } = scheduler!;
    expect(next! % (30 * DAY)).toBe(0);
    expect(next).toBeGreaterThan(Date.now());
    const [job] = await queue.getDelayed();
    // BullMQ reads the clock once for the time of the job, and a moment later for its delay.
    const early = next! - job!.timestamp - job!.delay;
    expect(early).toBeGreaterThanOrEqual(0);
    expect(early).toBeLessThan(60_000);
  });

  test('a worker neither spins nor overflows a timer while the next job is far away, and runs others', async () => {
    const waits = vi.spyOn(Worker.prototype as unknown as { waitForJob(until: number): Promise<number> }, 'waitForJob');
    onTestFinished(() => waits.mockRestore());
    const warnings: string[] = [];
    const listen = (warning: Error) => warnings.push(warning.name);
    process.on('warning', listen);
    onTestFinished(() => void process.off('warning', listen));
    const { app, runner } = await start(connection);
    const work = app.get(Work);
    await runner.start(work, 'later').stored();
    await expect.poll(() => waits.mock.calls.some(([until]) => until > Date.now() + 50 * DAY)).toBe(true);
    for (let i = 0; i < 20; i++) {
      expect(await runner.start(work, 'now').settled()).toMatchObject({ status: 'completed' });
    }
    // Each task that came ends one wait.
    expect(waits.mock.calls.length).toBeLessThan(100);
    expect(warnings).not.toContain('TimeoutOverflowWarning');
  });
});
