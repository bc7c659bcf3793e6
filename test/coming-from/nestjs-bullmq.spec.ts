// docs/coming-from/nestjs-bullmq.md: each row of its table, and each of its examples, runs.
import { BadRequestException, Body, Controller, Injectable, Module, Post, Scope } from '@nestjs/common';
import { FlowProducer } from 'bullmq';
import { Redis } from 'ioredis';
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
  TaskRegistry,
  Tasks,
} from 'nestjs-background-tasks';
import { BullMqQueues, BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { BackgroundTasksDashboardModule } from 'nestjs-background-tasks/dashboard';
import { TestTasks, TestTasksModule } from 'nestjs-background-tasks/testing';
import { Gate } from '../fixtures/gate.ts';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { startApp } from '../fixtures/start-app.ts';
import { where } from '../fixtures/threads/math.task.ts';
import { comingFrom } from './page.ts';
import { AdminGuard, showsDashboard } from './shows-dashboard.ts';

const { row, check } = comingFrom('nestjs-bullmq');

const redis = stores.find(({ name }) => name === 'Redis')?.connection;
const postgres = stores.find(({ name }) => name === 'Postgres')?.connection;
stopStores();

let ran: unknown[] = [];
let gate = new Gate();
beforeEach(() => {
  ran = [];
  gate = new Gate();
});

// #region tasks
@Injectable()
export class Mailer {
  @Task({ queue: 'mail', attempts: 3, backoff: { type: 'exponential', delay: 1_000 } })
  async sendWelcome(to: string, at: Date) {
    ran.push(`welcome ${to} ${at.getFullYear()}`);
  }

  @Task({ queue: 'mail', timeout: 60_000 })
  async sendInvoice(id: number) {
    ran.push(`invoice ${id}`);
  }
}
// #endregion

// #region controller
@Controller('users')
export class UsersController {
  constructor(private readonly mailer: Mailer) {}

  @Post()
  register(@Body() { email }: { email: string }, @Tasks() tasks: BackgroundTasks) {
    tasks.addTask(this.mailer, 'sendWelcome', email, new Date());
    return { email };
  }
}
// #endregion

@Controller('failing')
class FailingController {
  constructor(private readonly mailer: Mailer) {}

  @Post()
  fail(@Tasks() tasks: BackgroundTasks) {
    tasks.addTask(this.mailer, 'sendInvoice', 7);
    throw new BadRequestException();
  }
}

let sessions = 0;
@Injectable({ scope: Scope.REQUEST })
class Session {
  readonly number = ++sessions;
}

@Injectable({ scope: Scope.REQUEST })
class Scoped {
  constructor(private readonly session: Session) {}

  @Task({ queue: 'scoped' })
  run() {
    ran.push(this.session.number);
  }
}

@Injectable()
class Numbers {
  @Task({ queue: 'numbers' })
  one() {
    return 1;
  }

  @Task({ queue: 'numbers' })
  keep(values: unknown[]) {
    ran.push(values);
  }

  @Task({ queue: 'numbers' })
  sum(all: number[]) {
    return all.reduce((a, b) => a + b, 0);
  }

  @Task({ queue: 'numbers' })
  double(n: number) {
    return n * 2;
  }

  @Task({ queue: 'numbers', attempts: 3, retryIf: (error) => !(error instanceof BadRequestException) })
  refuse() {
    ran.push('tried');
    throw new BadRequestException();
  }

  @Task({ queue: 'numbers' })
  inside() {
    currentTask()!.updateProgress(0.5);
    return currentTask()!.attempt;
  }

  @Task({ queue: 'numbers' })
  wait() {
    ran.push('began');
    return gate.opened;
  }

  @Task({ queue: 'numbers', repeat: { every: 3_600_000 } })
  hourly() {
    return 'hourly';
  }
}

@Module({ providers: [Mailer, Numbers, Scoped, Session], exports: [Mailer] })
class FeatureModule {}

const controllers = [UsersController, FailingController];

const inMemory = (mode: 'manual' | 'inline' = 'manual') =>
  startApp({ controllers, imports: [FeatureModule, TestTasksModule.forRoot({ mode })] });

const on = (connection: string, options: object = {}, module: object = {}) =>
  startApp(
    {
      controllers,
      imports: [FeatureModule, BullMqTasksModule.forRoot({ connection, prefix: ownPrefix(), ...options })],
    },
    module,
  );

function unit() {
  const numbers = new Numbers();
  const it = TestTasks.unit({ providers: [numbers] });
  return { numbers, it, tasks: it.tasks, runner: it.runner, registry: it.registry };
}

describe('definition', () => {
  row('`BullModule.forRoot({ connection })`', async ({ skip }) => {
    skip(!redis, 'There is no Redis');
    const connection = new Redis(redis!);
    onTestFinished(() => connection.disconnect());
    expect(BullMqTasksModule.forRoot({ connection })).toMatchObject({ module: BullMqTasksModule });
    const { runner } = await startApp({
      imports: [FeatureModule, BullMqTasksModule.forRoot({ connection, prefix: ownPrefix() })],
    });
    await runner.start(Mailer, 'sendInvoice', 7).settled();
    expect(ran).toEqual(['invoice 7']);
  });
  row("`BullModule.registerQueue({ name: 'mail' })`", async ({ skip }) => {
    skip(!redis, 'There is no Redis');
    const { app } = await on(redis!);
    expect(app.get(BullMqQueues).all.map(({ name }) => name)).toContain('mail');
  });
  row("`@Processor('mail')` with one `process(job)` and `switch (job.name)`", async () => {
    const { app, runner } = await inMemory();
    runner.start(Mailer, 'sendWelcome', 'ada@example.com', new Date(2026, 1));
    runner.start(Mailer, 'sendInvoice', 7);
    await app.get(TestTasks).run();
    expect(new Set(ran)).toEqual(new Set(['invoice 7', 'welcome ada@example.com 2026']));
  });
  row("`@InjectQueue('mail')`, `queue.add('welcome', { email })`", async () => {
    const { url, app } = await inMemory();
    await request(url).post('/users').send({ email: 'ada@example.com' }).expect(201);
    await app.get(TestTasks).run();
    expect(ran).toEqual([`welcome ada@example.com ${new Date().getFullYear()}`]);
  });
  row('`queue.addBulk([…])`', async () => {
    const { it, tasks, numbers } = unit();
    tasks.addTask(numbers, 'keep', [7]);
    tasks.addTask(numbers, 'keep', [8]);
    await it.run();
    expect(ran).toEqual([[7], [8]]);
  });
  row('`job.data`: a `Date` is a string', async () => {
    const { it, tasks, numbers } = unit();
    tasks.addTask(numbers, 'keep', [new Date(0), new Map([[1, 2]]), new Set([3]), BigInt(4), Buffer.from('5')]);
    await it.run();
    expect(ran).toEqual([[new Date(0), new Map([[1, 2]]), new Set([3]), 4n, Buffer.from('5')]]);
  });
  row('`{ attempts, backoff, delay, priority }` of `add`', async () => {
    const { numbers, it, tasks } = unit();
    tasks.with({ attempts: 3, delay: 60_000, priority: 1 }).addTask(numbers, 'one');
    expect(it.added()).toMatchObject([{ options: { attempts: 3, delay: 60_000, priority: 1 } }]);
  });
  row('`defaultJobOptions`', async () => {
    let times = 0;
    const { runner } = await startApp({}, { defaults: { attempts: 3 } });
    runner.start(() => {
      times++;
      throw new Error('no');
    });
    await runner.drain();
    expect(times).toBe(3);
  });
  row('`UnrecoverableError`', async () => {
    const { numbers, it, tasks } = unit();
    tasks.addTask(numbers, 'refuse');
    await it.run({ errors: 'collect' });
    expect(ran).toEqual(['tried']);
  });
  row('`jobId`, `deduplication`', async () => {
    const { numbers, it, tasks, runner } = unit();
    tasks.with({ deduplication: { id: 'reindex' } }).addTask(numbers, 'one');
    tasks.with({ deduplication: { id: 'reindex' } }).addTask(numbers, 'one');
    await it.run();
    expect(runner.stats()).toMatchObject({ completed: 1 });
  });
  row('`queue.upsertJobScheduler()`', async () => {
    const { app } = await inMemory();
    expect(await app.get(TestTasks).runScheduled('Numbers.hourly')).toMatchObject({ result: 'hourly' });
  });
  row('`FlowProducer`', async () => {
    const { numbers, it, tasks } = unit();
    const chained = tasks.addTask(chain(step(numbers, 'one'), step(numbers, 'double', previousResult)));
    const grouped = tasks.addTask(
      group([step(numbers, 'one'), step(numbers, 'one')], step(numbers, 'sum', previousResult)),
    );
    await it.run();
    expect([(await chained.settled()).result, (await grouped.settled()).result]).toEqual([2, 2]);
    expect(FlowProducer).toBeDefined();
  });
});

describe('requests', () => {
  row('A handler adds a job and then throws: the job is in the queue.', async () => {
    const { url, app } = await inMemory();
    await request(url).post('/failing').expect(400);
    await app.get(TestTasks).run();
    expect(ran).toEqual([]);
  });
  row('Redis is away: `queue.add` waits until it is back.', async () => {
    const { url } = await on('redis://127.0.0.1:1', { enqueueTimeout: 300, worker: false });
    await request(url).post('/users').send({ email: 'ada@example.com' }).expect(503);
  });
});

describe('processing', () => {
  row('`job.updateProgress()`, `job.attemptsMade`', async () => {
    const { numbers, it, tasks } = unit();
    const task = tasks.addTask(numbers, 'inside');
    await it.run();
    expect(await task.settled()).toMatchObject({ progress: 0.5, result: 1 });
  });
  row('A job has no limit of time.', async () => {
    const { numbers, it, tasks } = unit();
    tasks.with({ timeout: 30 }).addTask(numbers, 'wait');
    expect(await it.run({ errors: 'collect' })).toMatchObject([{ code: 'BACKGROUND_TASKS_TIMEOUT' }]);
  });
  row('`Scope.REQUEST` with `@Inject(JOB_REF)`', async () => {
    const { app, runner } = await inMemory();
    runner.start(Scoped, 'run');
    runner.start(Scoped, 'run');
    await app.get(TestTasks).run();
    expect(new Set(ran).size).toBe(2);
  });
  row('A sandboxed processor: a file', async () => {
    const { runner } = await inMemory('inline');
    expect((await runner.start(where).settled()).result).toMatchObject({ isMainThread: false });
  });
  row("`@OnWorkerEvent('completed')`", async () => {
    const { app, runner } = await inMemory();
    const seen: string[] = [];
    runner.events.subscribe(({ type, task }) => seen.push(`${type} ${task.name}`));
    runner.start(Numbers, 'one');
    await app.get(TestTasks).run();
    expect(seen).toContain('completed Numbers.one');
  });
  row('`QueueEventsListener`', async () => {
    const { app, runner } = await inMemory();
    const { id } = runner.start(Numbers, 'one');
    const registry = app.get(TaskRegistry);
    const seen: string[] = [];
    registry.follow(id).subscribe(({ status }) => seen.push(status));
    await app.get(TestTasks).run();
    await expect.poll(() => seen).toContain('completed');
  });
  row('`queue.getJob(id)`', async () => {
    const { app, runner } = await inMemory();
    const { id } = runner.start(Numbers, 'one');
    await app.get(TestTasks).run();
    const registry = app.get(TaskRegistry);
    expect(await registry.get(id)).toMatchObject({ status: 'completed' });
  });
  row('`job.retry()`, `job.remove()`', async () => {
    const { numbers, it, tasks, registry } = unit();
    const { id } = tasks.addTask(numbers, 'refuse');
    await it.run({ errors: 'collect' });
    expect(await registry.retry(id)).toBe(true);
    expect(await registry.cancel(id)).toBe(true);
  });
});

describe('workers', () => {
  row('`concurrency` of each `@Processor`', async ({ skip }) => {
    skip(!redis, 'There is no Redis');
    const { runner } = await on(redis!, { worker: { queues: ['mail'], concurrency: 2 } });
    await runner.start(Mailer, 'sendInvoice', 7).settled();
    expect(ran).toEqual(['invoice 7']);
  });
  row('`limiter`', async ({ skip }) => {
    skip(!redis, 'There is no Redis');
    const { runner } = await on(redis!, { worker: { limiter: { max: 10, duration: 60_000 } } });
    const started = Array.from({ length: 11 }, (_, id) => runner.start(Mailer, 'sendInvoice', id));
    await Promise.all(started.slice(0, 10).map((task) => task.settled()));
    expect(ran).toHaveLength(10);
  });
  row('A web process: leave out the processors, or `autorun: false`', async ({ skip }) => {
    skip(!redis, 'There is no Redis');
    const { url, app } = await on(redis!, { worker: false });
    await request(url).post('/users').send({ email: 'ada@example.com' }).expect(201);
    expect(await app.get(BullMqQueues).get('mail').getJobCounts('waiting')).toEqual({ waiting: 1 });
  });
  row('At the end, `worker.close()` waits for its jobs without a limit.', async ({ skip }) => {
    skip(!redis, 'There is no Redis');
    const { app, runner } = await on(redis!, {}, { shutdownTimeout: 100 });
    const task = runner.start(Numbers, 'wait');
    await expect.poll(() => ran).toEqual(['began']);
    await app.close();
    expect(task.status).not.toBe('completed');
  });
  row('`removeOnComplete`', async ({ skip }) => {
    skip(!redis, 'There is no Redis');
    const { runner, app } = await on(redis!, { keepCompleted: 1 });
    await runner.start(Numbers, 'one').settled();
    await runner.start(Numbers, 'one').settled();
    await expect.poll(() => app.get(BullMqQueues).get('numbers').getJobCounts('completed')).toEqual({ completed: 1 });
  });
  row('Postgres, since BullMQ 6', async ({ skip }) => {
    skip(!postgres, 'There is no Postgres');
    const { runner } = await on(postgres!);
    await runner.start(Mailer, 'sendInvoice', 7).settled();
    expect(ran).toEqual(['invoice 7']);
  });
  row('`queue.pause()`, `queue.getJobCounts()`', async ({ skip }) => {
    skip(!redis, 'There is no Redis');
    const { app } = await on(redis!);
    await app.get(BullMqQueues).get('mail').pause();
    expect(await app.get(BullMqQueues).get('mail').isPaused()).toBe(true);
  });
  row('bull-board', () =>
    showsDashboard(BackgroundTasksDashboardModule.forRoot({ guards: [AdminGuard] }), '/background-tasks'),
  );
});

describe('tests', () => {
  row("`getQueueToken('mail')` and a mock", async () => {
    const { url, app } = await inMemory();
    const tasks = app.get(TestTasks);
    const email = 'ada@example.com';
    await request(url).post('/users').send({ email }).expect(201);
    tasks.expectAdded(Mailer, 'sendWelcome', email, expect.any(Date));
  });
});

test('the example: web and worker processes', async ({ skip }) => {
  skip(!redis, 'There is no Redis');
  const connection = redis!;
  // #region modules
  @Module({
    imports: [BackgroundTasksModule.forRoot(), BullMqTasksModule.forRoot({ connection, worker: false }), FeatureModule],
    controllers: [UsersController],
  })
  class WebModule {}

  @Module({
    imports: [
      BackgroundTasksModule.forRoot({ shutdownTimeout: 30_000 }),
      BullMqTasksModule.forRoot({ connection, worker: { concurrency: 20 } }),
      FeatureModule,
    ],
  })
  class WorkerModule {}
  // #endregion
  expect([WebModule, WorkerModule]).toHaveLength(2);
});

check();
