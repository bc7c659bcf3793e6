// docs/coming-from/arq-rq-dramatiq.md: each row of its tables, and each of its examples, runs.
import { threadId } from 'node:worker_threads';
import { Body, Controller, Injectable, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import request from 'supertest';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import {
  BackgroundTasks,
  BackgroundTasksModule,
  chain,
  currentTask,
  group,
  previousResult,
  step,
  Task,
  type TaskOptions,
  TaskRegistry,
  TaskRunner,
  Tasks,
} from 'nestjs-background-tasks';
import { BullMqQueues, BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { BackgroundTasksDashboardModule } from 'nestjs-background-tasks/dashboard';
import { TestTasks, TestTasksModule } from 'nestjs-background-tasks/testing';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { startApp } from '../fixtures/start-app.ts';
import { where } from '../fixtures/threads/math.task.ts';
import { comingFrom } from './page.ts';
import { AdminGuard, showsDashboard } from './shows-dashboard.ts';

const { row, check } = comingFrom('arq-rq-dramatiq');

const redis = stores.find(({ name }) => name === 'Redis')?.connection;
stopStores();

let sent: string[] = [];
let isDown = false;
beforeEach(() => {
  sent = [];
  isDown = false;
});

/** The connection of the application, or whatever else a worker opens at its start. */
@Injectable()
class Database {
  send(to: string) {
    if (isDown) {
      throw new Error('the mail server is down');
    }
    sent.push(to);
  }
}

// #region mailer
@Injectable()
export class Mailer {
  constructor(private readonly db: Database) {}

  @Task({ queue: 'mail', attempts: 3, timeout: 60_000 })
  async send(to: string) {
    this.db.send(to);
    return to;
  }
}
// #endregion

// #region controller
@Controller('mails')
export class MailsController {
  constructor(private readonly mailer: Mailer) {}

  @Post()
  send(@Body() { to }: { to: string }, @Tasks() tasks: BackgroundTasks) {
    const task = tasks.addTask(this.mailer, 'send', to);
    return { id: task.id, status: 'queued' };
  }
}
// #endregion

// #region cron
@Injectable()
export class Sessions {
  @Task({ queue: 'maintenance', repeat: { pattern: '0 3 * * *' } })
  async cleanUp() {
    return 'clean';
  }
}
// #endregion

@Injectable()
class Numbers {
  @Task({ queue: 'numbers' })
  one() {
    return 1;
  }

  @Task({ queue: 'numbers' })
  double(n: number) {
    return n * 2;
  }

  @Task({ queue: 'numbers' })
  sum(all: number[]) {
    return all.reduce((a, b) => a + b, 0);
  }

  @Task({ queue: 'numbers', retryIf: (error) => !(error instanceof RangeError) })
  refuse() {
    throw new RangeError('no');
  }

  @Task({ queue: 'numbers' })
  inside() {
    currentTask()!.updateProgress({ done: 5 });
    return [currentTask()!.id, currentTask()!.attempt];
  }

  @Task({ queue: 'numbers' })
  wait() {
    sent.push('began');
    const { signal } = currentTask()!;
    return new Promise<void>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    });
  }
}

const to = 'ada@example.com';
const providers = [Database, Mailer, Numbers];

function unit() {
  const mailer = new Mailer(new Database());
  const numbers = new Numbers();
  const it = TestTasks.unit({ providers: [mailer, numbers] });
  return { mailer, numbers, it, tasks: it.tasks, runner: it.runner, registry: it.registry };
}

function onRedis(options: object) {
  return startApp({
    providers,
    imports: [BullMqTasksModule.forRoot({ connection: redis!, prefix: ownPrefix(), ...options })],
  });
}

/** Adds a mail with options, while the mail server is down, and returns how often it was tried. */
async function attemptsWith(options: TaskOptions): Promise<number> {
  isDown = true;
  const { tasks, mailer, it } = unit();
  const task = tasks.with(options).addTask(mailer, 'send', to);
  await it.run({ errors: 'collect' });
  return (await task.settled()).attempts;
}

async function addsWith(options: TaskOptions) {
  const { tasks, mailer, it } = unit();
  tasks.with(options).addTask(mailer, 'send', to);
  expect(it.added()).toMatchObject([{ options }]);
}

async function sendsOnce() {
  const { tasks, mailer, it } = unit();
  tasks.addTask(mailer, 'send', to);
  await it.run();
  expect(sent).toEqual([to]);
}

async function timesOut() {
  const { runner, numbers, it } = unit();
  runner.with({ timeout: 30 }).start(numbers, 'wait');
  expect(await it.run({ errors: 'collect' })).toMatchObject([{ code: 'BACKGROUND_TASKS_TIMEOUT' }]);
}

async function joins() {
  const { tasks, mailer, it } = unit();
  tasks.with({ deduplication: { id: 'welcome:7' } }).addTask(mailer, 'send', to);
  tasks.with({ deduplication: { id: 'welcome:7' } }).addTask(mailer, 'send', to);
  await it.run();
  expect(sent).toEqual([to]);
}

async function isFound() {
  const { tasks, numbers, registry, it } = unit();
  const task = tasks.addTask(numbers, 'one');
  const { id } = task;
  await it.run();
  expect(await registry.get(id)).toMatchObject({ status: 'completed', result: 1 });
  const { result } = await task.settled();
  expect(result).toBe(1);
}

async function isCancelled() {
  const { runner, numbers, registry, it } = unit();
  const { id } = runner.start(numbers, 'wait');
  const ran = it.run({ errors: 'collect' });
  await expect.poll(() => sent).toEqual(['began']);
  await registry.cancel(id);
  await ran;
  expect(await registry.get(id)).toMatchObject({ status: 'cancelled' });
}

async function failsAndIsRetried() {
  isDown = true;
  const { runner, mailer, registry, it } = unit();
  const { id } = runner.start(mailer, 'send', to);
  await it.run({ errors: 'collect' });
  expect(await registry.list({ queue: 'mail', status: 'failed' })).toHaveLength(1);
  isDown = false;
  await registry.retry(id);
  await it.run();
  expect(sent).toEqual([to]);
}

async function repeats() {
  const { app } = await startApp({ providers: [Sessions], imports: [TestTasksModule.forRoot({ mode: 'manual' })] });
  expect(await app.get(TestTasks).runScheduled('Sessions.cleanUp')).toMatchObject({ result: 'clean' });
}

async function tellsEvents() {
  const { app, runner } = await startApp({ providers, imports: [TestTasksModule.forRoot({ mode: 'manual' })] });
  const seen: string[] = [];
  runner.events.subscribe(({ type, task }) => seen.push(`${type} ${task.name}`));
  runner.start(Numbers, 'one');
  await app.get(TestTasks).run();
  expect(seen).toEqual(expect.arrayContaining(['started Numbers.one', 'completed Numbers.one']));
}

async function keepsOne() {
  const { runner, app } = await onRedis({ keepCompleted: 1 });
  await runner.start(Numbers, 'one').settled();
  await runner.start(Numbers, 'one').settled();
  await expect.poll(() => app.get(BullMqQueues).get('numbers').getJobCounts('completed')).toEqual({ completed: 1 });
}

async function looksInside() {
  const { tasks, numbers, it } = unit();
  const task = tasks.addTask(numbers, 'inside');
  await it.run();
  expect(await task.settled()).toMatchObject({ result: [task.id, 1], progress: { done: 5 } });
}

async function chains() {
  const { tasks, numbers, it } = unit();
  const task = tasks.addTask(chain(step(numbers, 'one'), step(numbers, 'double', previousResult)));
  await it.run();
  expect((await task.settled()).result).toBe(2);
}

async function groups() {
  const { tasks, numbers, it } = unit();
  const task = tasks.addTask(group([step(numbers, 'one'), step(numbers, 'one')], step(numbers, 'sum', previousResult)));
  await it.run();
  expect((await task.settled()).result).toBe(2);
}

async function runsInThread() {
  const { runner } = await startApp({ providers, imports: [TestTasksModule.forRoot()] });
  const { result } = await runner.start(where).settled();
  expect(result).toMatchObject({ isMainThread: false });
  expect(result).not.toMatchObject({ threadId });
}

describe('ARQ', () => {
  row('`async def send(ctx, to)` in `functions`', sendsOnce);
  row("`ctx['db']`, opened in `on_startup`", sendsOnce);
  row("`await redis.enqueue_job('send', to)`", sendsOnce);
  row("`_job_id='welcome:7'`", joins);
  row('`_defer_by=60`', () => addsWith({ delay: 60_000 }));
  row('`_defer_until=at`', () => {
    const at = new Date(Date.now() + 60_000);
    return addsWith({ delay: at.getTime() - Date.now() });
  });
  row('`raise Retry()`', async () => expect(await attemptsWith({ attempts: 3 })).toBe(3));
  row('`max_tries=5`, the default', async () => expect(await attemptsWith({ attempts: 5 })).toBe(5));
  row('`job_timeout=300`, the default', timesOut);
  row("`ctx['job_id']`, `ctx['job_try']`", looksInside);
  row('`await job.status()`, `await job.result()`', isFound);
  row('`await job.abort()`', isCancelled);
  row('`cron_jobs=[cron(clean_up, hour=3)]`', repeats);
  row('`max_jobs=10`, the default', async ({ skip }) => {
    skip(!redis, 'There is no Redis');
    const { runner } = await onRedis({ worker: { concurrency: 10 } });
    await runner.start(Mailer, 'send', to).settled();
    expect(sent).toEqual([to]);
  });
  row('`keep_result=3600`', async ({ skip }) => {
    skip(!redis, 'There is no Redis');
    await keepsOne();
  });
  row('`on_job_start`, `on_job_end`', tellsEvents);
  row('`arq worker.WorkerSettings`', async ({ skip }) => {
    skip(!redis, 'There is no Redis');
    const connection = redis!;
    const WorkerModule = {
      module: class WorkerModule {},
      providers,
      imports: [BackgroundTasksModule.forRoot(), BullMqTasksModule.forRoot({ connection, prefix: ownPrefix() })],
    };
    const app = await NestFactory.createApplicationContext(WorkerModule);
    onTestFinished(() => app.close());
    await app.get(TaskRunner).start(Mailer, 'send', to).settled();
    expect(sent).toEqual([to]);
  });
  row('`--burst` in tests', sendsOnce);
});

describe('RQ', () => {
  row("`Queue('mail').enqueue(send, to)`", sendsOnce);
  row('`enqueue_in(timedelta(minutes=1), send, to)`', () => addsWith({ delay: 60_000 }));
  row('`retry=Retry(max=3, interval=10)`', async () =>
    expect(await attemptsWith({ attempts: 4, backoff: { type: 'fixed', delay: 10_000 } })).toBe(4),
  );
  row('`job_timeout=180`, the default', timesOut);
  row('`result_ttl`, `failure_ttl`', async ({ skip }) => {
    skip(!redis, 'There is no Redis');
    await keepsOne();
  });
  row('`depends_on=job`', chains);
  row('`depends_on=[a, b]`', groups);
  row('`job.get_status()`, `job.return_value()`', isFound);
  row('`get_current_job()`, `job.meta`, `job.save_meta()`', looksInside);
  row('`FailedJobRegistry`, `job.requeue()`', failsAndIsRetried);
  row('`job.cancel()`, `send_stop_job_command`', isCancelled);
  row('`on_success`, `on_failure`', tellsEvents);
  row('`rq worker high low`', async ({ skip }) => {
    skip(!redis, 'There is no Redis');
    const { runner } = await onRedis({ worker: { queues: ['mail', 'numbers'] } });
    await runner.start(Mailer, 'send', to).settled();
    await runner.start(Numbers, 'one').settled();
    await addsWith({ priority: 1 });
  });
  row('A process for each job (`fork`)', runsInThread);
  row('`rq-scheduler`, `CronScheduler`', repeats);
  row('`is_async=False`', async () => {
    const { url } = await startApp({
      controllers: [MailsController],
      providers,
      imports: [TestTasksModule.forRoot({ mode: 'inline' })],
    });
    await request(url).post('/mails').send({ to }).expect(201);
    expect(sent).toEqual([to]);
  });
  row('`rq-dashboard`', () =>
    showsDashboard(BackgroundTasksDashboardModule.forRoot({ guards: [AdminGuard] }), '/background-tasks'),
  );
});

describe('Dramatiq', () => {
  row("`@dramatiq.actor(queue_name='mail')`", sendsOnce);
  row('`send.send(to)`', sendsOnce);
  row('`send.send_with_options(args=(to,), delay=60_000)`', () => addsWith({ delay: 60_000 }));
  row('`max_retries=20`, the default', async () => expect(await attemptsWith({ attempts: 21 })).toBe(21));
  row('`min_backoff=1_000`', () =>
    addsWith({ attempts: 3, backoff: { type: 'exponential', delay: 1_000, jitter: 0.5 } }),
  );
  row('`retry_when`, `throws`', async () => {
    const { tasks, numbers, it } = unit();
    const task = tasks.with({ attempts: 3 }).addTask(numbers, 'refuse');
    await it.run({ errors: 'collect' });
    expect((await task.settled()).attempts).toBe(1);
  });
  row('`time_limit=600_000`, the default', timesOut);
  row('`priority=10`', () => addsWith({ priority: 10 }));
  row('`CurrentMessage`', looksInside);
  row('`pipeline([a.message(), b.message()])`', chains);
  row('`group([…])` with `add_completion_callback`', groups);
  row('`message.get_result(block=True)`', isFound);
  row('`dramatiq-abort`', isCancelled);
  row('Dead letters', failsAndIsRetried);
  row('`WindowRateLimiter`', async ({ skip }) => {
    skip(!redis, 'There is no Redis');
    const { runner } = await onRedis({ worker: { limiter: { max: 10, duration: 60_000 } } });
    const started = Array.from({ length: 11 }, () => runner.start(Numbers, 'one'));
    await Promise.all(started.slice(0, 10).map((task) => task.settled()));
    expect(runner.stats()).toMatchObject({ completed: 10 });
  });
  row('Middleware: `before_process_message`, `after_process_message`', tellsEvents);
  row('`dramatiq app -p 1 -t 8`', async ({ skip }) => {
    skip(!redis, 'There is no Redis');
    const { runner } = await onRedis({ worker: { concurrency: 8 } });
    await runner.start(Numbers, 'one').settled();
  });
  row('`periodiq`, `dramatiq-crontab`', repeats);
  row('`StubBroker`, `worker.join()`', async () => {
    const { app, runner } = await startApp({ providers, imports: [TestTasksModule.forRoot({ mode: 'manual' })] });
    runner.start(Mailer, 'send', to);
    await app.get(TestTasks).run();
    expect(sent).toEqual([to]);
  });
});

test('the example: a mail', async () => {
  const { url, app } = await startApp({
    controllers: [MailsController],
    providers,
    imports: [TestTasksModule.forRoot({ mode: 'manual' })],
  });
  const { body } = await request(url).post('/mails').send({ to }).expect(201);
  await app.get(TestTasks).run();
  expect(await app.get(TaskRegistry).get((body as { id: string }).id)).toMatchObject({
    status: 'completed',
    result: to,
  });
});

test('the example: steps', async () => {
  const { tasks, numbers, it } = unit();
  // #region steps
  const last = tasks.addTask(chain(step(numbers, 'one'), step(numbers, 'double', previousResult)));
  // #endregion
  await it.run();
  expect((await last.settled()).result).toBe(2);
});

check();
