// docs/coming-from/apscheduler.md: each row of its table, and each of its examples, runs.
import { Injectable } from '@nestjs/common';
import { Cron, ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { CronJob } from 'cron';
import { beforeEach, describe, expect, test } from 'vitest';
import { Task, TaskRunner } from 'nestjs-background-tasks';
import { BullMqQueues, BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { BackgroundTasksDashboardModule } from 'nestjs-background-tasks/dashboard';
import { TestTasks, TestTasksModule } from 'nestjs-background-tasks/testing';
import { Gate } from '../fixtures/gate.ts';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { startApp } from '../fixtures/start-app.ts';
import { where } from '../fixtures/threads/math.task.ts';
import { comingFrom } from './page.ts';
import { AdminGuard, showsDashboard } from './shows-dashboard.ts';

const { row, check } = comingFrom('apscheduler');

const redis = stores.find(({ name }) => name === 'Redis')?.connection;
stopStores();

let ran: string[] = [];
beforeEach(() => {
  ran = [];
});

const removeExpired = async () => ran.push('expired sessions');

// #region jobs
@Injectable()
export class Sessions {
  @Task({ queue: 'maintenance', repeat: { every: 3_600_000 } })
  async cleanUp() {
    await removeExpired();
  }

  @Task({ queue: 'maintenance', repeat: { pattern: '0 3 * * *', tz: 'Europe/Berlin' }, attempts: 3 })
  async vacuum() {
    return 'vacuumed';
  }
}
// #endregion

// #region single
@Injectable()
export class Reports {
  constructor(private readonly runner: TaskRunner) {}

  @Cron('0 3 * * *', { timeZone: 'Europe/Berlin' })
  nightly() {
    return this.runner.with({ deduplication: { id: 'rebuild' }, attempts: 3 }).start(this, 'rebuild');
  }

  async rebuild() {
    ran.push('rebuilt');
  }
}
// #endregion

const inMemory = () => startApp({ providers: [Sessions], imports: [TestTasksModule.forRoot({ mode: 'manual' })] });

async function runs(name: string) {
  const { app } = await inMemory();
  expect(await app.get(TestTasks).runScheduled(name)).toMatchObject({ status: 'completed' });
}

const started = () => startApp({ providers: [Reports], imports: [ScheduleModule.forRoot()] });

describe('the table', () => {
  row("`scheduler.add_job(clean_up, 'interval', hours=1)`", () => runs('Sessions.cleanUp'));
  row("`scheduler.add_job(vacuum, 'cron', hour=3, timezone='Europe/Berlin')`", () => runs('Sessions.vacuum'));
  row("`scheduler.add_job(clean_up, 'date', run_date=at)`", async () => {
    const { runner, app } = await inMemory();
    const at = new Date(Date.now() + 60_000);
    runner.with({ delay: at.getTime() - Date.now() }).start(Sessions, 'cleanUp');
    await app.get(TestTasks).run();
    expect(ran).toEqual(['expired sessions']);
  });
  row('Each process has a scheduler, and each runs the job.', async ({ skip }) => {
    skip(!redis, 'There is no Redis');
    const prefix = ownPrefix();
    const start = () =>
      startApp({ providers: [Sessions], imports: [BullMqTasksModule.forRoot({ connection: redis!, prefix })] });
    const [{ app }] = [await start(), await start()];
    const queue = app.get(BullMqQueues).get('maintenance');
    await expect.poll(async () => (await queue.getJobSchedulers()).length).toBe(2);
  });
  row('`SQLAlchemyJobStore`, `RedisJobStore`', async ({ skip }) => {
    skip(!redis, 'There is no Redis');
    const connection = redis!;
    const { runner } = await startApp({
      providers: [Sessions],
      imports: [BullMqTasksModule.forRoot({ connection, prefix: ownPrefix() })],
    });
    await runner.start(Sessions, 'cleanUp').settled();
    expect(ran).toContain('expired sessions');
  });
  row('`MemoryJobStore`, in a single process', async () => {
    const { app, runner } = await started();
    app.get(Reports).nightly();
    await runner.drain();
    expect(ran).toEqual(['rebuilt']);
  });
  row('`max_instances=1`', async () => {
    const gate = new Gate();
    const { runner } = await started();
    const rebuild = () => gate.opened;
    const first = runner.with({ deduplication: { id: 'rebuild' } }).start(rebuild);
    expect(runner.with({ deduplication: { id: 'rebuild' } }).start(rebuild)).toBe(first);
    gate.open();
  });
  row('`ThreadPoolExecutor`, `ProcessPoolExecutor`', async () => {
    const { runner } = await started();
    expect((await runner.start(where).settled()).result).toMatchObject({ isMainThread: false });
  });
  row('`scheduler.add_listener(…, EVENT_JOB_ERROR)`', async () => {
    const { runner } = await started();
    const failed: string[] = [];
    runner.events.subscribe(({ type, task }) => type === 'failed' && failed.push(task.name));
    runner.with({ name: 'broken' }).start(() => {
      throw new Error('no');
    });
    await runner.drain();
    expect(failed).toEqual(['broken']);
  });
  row('A job that fails waits for its next time.', async () => {
    let times = 0;
    const { runner } = await started();
    runner.with({ attempts: 3 }).start(() => {
      times++;
      throw new Error('no');
    });
    await runner.drain();
    expect(times).toBe(3);
  });
  row("`scheduler.pause_job('clean_up')`", async ({ skip }) => {
    skip(!redis, 'There is no Redis');
    const { app } = await startApp({
      providers: [Sessions],
      imports: [BullMqTasksModule.forRoot({ connection: redis!, prefix: ownPrefix() })],
    });
    await app.get(BullMqQueues).get('maintenance').pause();
    expect(await app.get(BullMqQueues).get('maintenance').isPaused()).toBe(true);
  });
  row('`scheduler.get_jobs()`', () =>
    showsDashboard(BackgroundTasksDashboardModule.forRoot({ guards: [AdminGuard] }), '/background-tasks'),
  );
  row('`scheduler.add_job()` and `remove_job()` while the process runs', async () => {
    const { app, runner } = await started();
    const schedulerRegistry = app.get(SchedulerRegistry);
    const job = new CronJob('* * * * * *', () => void runner.start(removeExpired));
    schedulerRegistry.addCronJob('clean-up', job);
    await job.fireOnTick();
    await runner.drain();
    expect(ran).toContain('expired sessions');
    schedulerRegistry.deleteCronJob('clean-up');
  });
  row('`scheduler.shutdown(wait=True)`', async () => {
    const gate = new Gate();
    const { app, runner } = await started();
    app.enableShutdownHooks();
    const task = runner.start(() => gate.opened);
    const closed = app.close();
    gate.open();
    await closed;
    expect(task.status).toBe('completed');
  });
  row('Tests call the function.', () => runs('Sessions.cleanUp'));
});

test('the examples run', async () => {
  await runs('Sessions.vacuum');
  const { app, runner } = await started();
  expect(app.get(SchedulerRegistry).getCronJobs().size).toBe(1);
  app.get(Reports).nightly();
  await runner.drain();
  expect(ran).toEqual(['rebuilt']);
});

check();
