// docs/coming-from/celery.md: each row of its table, and each of its examples, runs.
import { threadId } from 'node:worker_threads';
import {
  BadRequestException,
  Body,
  Controller,
  type DynamicModule,
  Get,
  Injectable,
  NotFoundException,
  Param,
  Post,
} from '@nestjs/common';
import request from 'supertest';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  BackgroundTasks,
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
import { blockForEver, where } from '../fixtures/threads/math.task.ts';
import { comingFrom } from './page.ts';
import { AdminGuard, showsDashboard } from './shows-dashboard.ts';

const { row, check } = comingFrom('celery');

const redis = stores.find(({ name }) => name === 'Redis')?.connection;
stopStores();

let sent: string[] = [];
let isDown = false;
let gate = new Gate();
beforeEach(() => {
  sent = [];
  isDown = false;
  gate = new Gate();
});

async function deliver(to: string) {
  if (isDown) {
    throw new Error('the mail server is down');
  }
  sent.push(to);
}

// #region mailer
@Injectable()
export class Mailer {
  @Task({ queue: 'mail', attempts: 4, backoff: { type: 'exponential', delay: 1_000, jitter: 0.5 }, timeout: 30_000 })
  async send(to: string) {
    await deliver(to);
  }
}
// #endregion

// #region controller
@Controller('mails')
export class MailsController {
  constructor(
    private readonly mailer: Mailer,
    private readonly registry: TaskRegistry,
  ) {}

  @Post()
  send(@Body() { to }: { to: string }, @Tasks() tasks: BackgroundTasks) {
    const { id } = tasks.addTask(this.mailer, 'send', to);
    return { id };
  }

  @Get(':id')
  async status(@Param('id') id: string) {
    const record = await this.registry.get(id);
    if (!record) {
      throw new NotFoundException();
    }
    return { status: record.status, result: record.result };
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
  add(a: number, b: number) {
    return a + b;
  }

  @Task({ queue: 'numbers' })
  sum(all: number[]) {
    return all.reduce((a, b) => a + b, 0);
  }

  @Task({ queue: 'numbers' })
  where() {
    const { id, attempt } = { id: currentTask()!.id, attempt: currentTask()!.attempt };
    currentTask()!.updateProgress({ done: 5 });
    return { id, attempt };
  }

  @Task({ queue: 'numbers', retryIf: (error) => !(error instanceof BadRequestException), attempts: 3 })
  refuse() {
    sent.push('tried');
    throw new BadRequestException();
  }

  @Task({ queue: 'numbers' })
  wait() {
    sent.push('began');
    const { signal } = { signal: currentTask()!.signal };
    return new Promise<void>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error));
      void gate.opened.then(resolve);
    });
  }
}

// #region beat
@Injectable()
export class Reports {
  @Task({ queue: 'nightly', repeat: { pattern: '0 3 * * *', tz: 'Europe/Berlin' } })
  async rebuild() {
    return 'rebuilt';
  }

  @Task({ queue: 'nightly', repeat: { every: 60_000 } })
  async sweep() {
    return 'swept';
  }
}
// #endregion

/** What a unit of an application gets. */
function unit() {
  const mailer = new Mailer();
  const numbers = new Numbers();
  return { mailer, numbers, ...parts(TestTasks.unit({ providers: [mailer, numbers] })) };
}

const parts = (it: ReturnType<typeof TestTasks.unit>) => ({
  test: it,
  tasks: it.tasks,
  runner: it.runner,
  registry: it.registry,
});

const providers = [Mailer, Numbers];

/** An application whose queues are on Redis. */
function onRedis(prefix: string, options: object = {}, module: object = {}) {
  const connection = redis!;
  return startApp(
    {
      controllers: [MailsController],
      providers,
      imports: [BullMqTasksModule.forRoot({ connection, prefix, ...options })],
    },
    module,
  );
}

describe('tasks', () => {
  row("`@app.task(queue='mail', max_retries=3)`", async () => {
    class Failing {
      @Task({ queue: 'mail', attempts: 4 })
      send() {
        sent.push('tried');
        throw new Error('no');
      }
    }
    const it = TestTasks.unit();
    it.tasks.addTask(new Failing(), 'send');
    await it.run({ errors: 'collect' });
    expect(sent).toHaveLength(4);
  });

  row('`send.delay(to)`', async () => {
    const { tasks, mailer, test: it } = unit();
    const to = 'ada@example.com';
    tasks.addTask(mailer, 'send', to);
    await it.run();
    expect(sent).toEqual([to]);
  });

  row('`send.apply_async((to,), countdown=60)`', () => {
    const { tasks, mailer, test: it } = unit();
    const to = 'ada@example.com';
    tasks.with({ delay: 60_000 }).addTask(mailer, 'send', to);
    expect(it.added()).toMatchObject([{ options: { delay: 60_000 } }]);
  });

  row('`send.apply_async((to,), eta=at)`', () => {
    const { tasks, mailer, test: it } = unit();
    const at = new Date(Date.now() + 60_000);
    tasks.with({ delay: at.getTime() - Date.now() }).addTask(mailer, 'send', 'ada@example.com');
    expect(it.added()[0]!.options.delay).toBeGreaterThan(50_000);
  });

  row('`autoretry_for`, `dont_autoretry_for`', async () => {
    const { tasks, numbers, test: it } = unit();
    tasks.addTask(numbers, 'refuse');
    await it.run({ errors: 'collect' });
    expect(sent).toEqual(['tried']);
  });

  row('`retry_backoff`, `retry_jitter`', async () => {
    isDown = true;
    const { tasks, mailer, test: it } = unit();
    const careful = tasks.with({ attempts: 2, backoff: { type: 'exponential', delay: 1_000, jitter: 0.5 } });
    const task = careful.addTask(mailer, 'send', 'ada@example.com');
    await it.run({ errors: 'collect' });
    expect(await task.settled()).toMatchObject({ attempts: 2, status: 'failed' });
  });

  row('`self.retry(exc=error)`', async () => {
    let times = 0;
    const it = TestTasks.unit();
    it.tasks.with({ attempts: 2 }).addTask(() => {
      if (++times === 1) {
        throw new Error('again');
      }
    });
    await it.run();
    expect(times).toBe(2);
  });

  row('`soft_time_limit=30`', async () => {
    const { tasks, numbers, test: it } = unit();
    tasks.with({ timeout: 30 }).addTask(numbers, 'wait');
    expect(await it.run({ errors: 'collect' })).toMatchObject([{ code: 'BACKGROUND_TASKS_TIMEOUT' }]);
  });

  row('`time_limit=30`', async () => {
    const { runner } = await startApp({ providers, imports: [TestTasksModule.forRoot()] });
    const task = runner.with({ timeout: 300 }).start(blockForEver);
    expect(await task.settled()).toMatchObject({ status: 'failed' });
  });

  row('prefork, for work that computes', async () => {
    const { runner } = await startApp({ providers, imports: [TestTasksModule.forRoot()] });
    const { result } = await runner.start(where).settled();
    expect(result).not.toBe(threadId);
  });

  row('`self.request.id`, `self.request.retries`', async () => {
    const { tasks, numbers, test: it } = unit();
    const task = tasks.addTask(numbers, 'where');
    await it.run();
    expect((await task.settled()).result).toEqual({ id: task.id, attempt: 1 });
  });

  row("`self.update_state(meta={'done': 5})`", async () => {
    const { tasks, numbers, test: it } = unit();
    const task = tasks.addTask(numbers, 'where');
    await it.run();
    expect(await task.settled()).toMatchObject({ progress: { done: 5 } });
  });

  row('`celery-once`: one task at a time', async () => {
    const { tasks, numbers, test: it } = unit();
    tasks.with({ deduplication: { id: 'reindex' } }).addTask(numbers, 'one');
    tasks.with({ deduplication: { id: 'reindex' } }).addTask(numbers, 'one');
    await it.run();
    expect(it.runner.stats()).toMatchObject({ completed: 1 });
  });

  row('`priority=9`', async () => {
    const { tasks, mailer, test: it } = unit();
    tasks.with({ priority: 2 }).addTask(mailer, 'send', 'second');
    tasks.with({ priority: 1 }).addTask(mailer, 'send', 'first');
    await it.run();
    expect(sent.toSorted()).toEqual(['first', 'second']);
    expect(it.added().map(({ options }) => options.priority)).toEqual([2, 1]);
  });
});

describe('results', () => {
  row('`AsyncResult(id).status`, `.result`', async () => {
    const { tasks, numbers, registry, test: it } = unit();
    const { id } = tasks.addTask(numbers, 'one');
    await it.run();
    expect(await registry.get(id)).toMatchObject({ status: 'completed', result: 1 });
    expect(await registry.get('unknown')).toBeUndefined();
  });

  row('`AsyncResult(id).get()`', async () => {
    const { runner, numbers, test: it } = unit();
    const task = runner.start(numbers, 'one');
    void it.run();
    const { result } = await task.settled();
    expect(result).toBe(1);
  });

  row('`AsyncResult(id).revoke(terminate=True)`', async () => {
    const { runner, numbers, registry, test: it } = unit();
    const { id } = runner.start(numbers, 'wait');
    const ran = it.run({ errors: 'collect' });
    await expect.poll(() => sent).toEqual(['began']);
    expect(await registry.cancel(id)).toBe(true);
    await ran;
    expect(await registry.get(id)).toMatchObject({ status: 'cancelled' });
  });

  row('Tasks that have failed for good', async () => {
    isDown = true;
    const { runner, mailer, registry, test: it } = unit();
    const { id } = runner.start(mailer, 'send', 'ada@example.com');
    await it.run({ errors: 'collect' });
    expect(await registry.list({ queue: 'mail', status: 'failed' })).toMatchObject([{ id }]);
    isDown = false;
    await registry.retry(id);
    await it.run();
    expect(sent).toEqual(['ada@example.com']);
  });

  row('`task_success`, `task_failure` and other signals', async () => {
    const { app, runner } = await startApp({ providers, imports: [TestTasksModule.forRoot({ mode: 'manual' })] });
    const seen: string[] = [];
    runner.events.subscribe(({ type, task }) => seen.push(`${type} ${task.name}`));
    runner.start(Numbers, 'one');
    await app.get(TestTasks).run();
    expect(seen).toContain('completed Numbers.one');
  });
});

describe('canvas', () => {
  row('`chain(a.s(), b.s(2))`', async () => {
    const { tasks, numbers, test: it } = unit();
    const task = tasks.addTask(chain(step(numbers, 'one'), step(numbers, 'add', previousResult, 2)));
    await it.run();
    expect((await task.settled()).result).toBe(3);
  });

  row('`chord([a.s(), a.s()], b.s())`', async () => {
    const { tasks, numbers, test: it } = unit();
    const task = tasks.addTask(
      group([step(numbers, 'one'), step(numbers, 'one')], step(numbers, 'sum', previousResult)),
    );
    await it.run();
    expect((await task.settled()).result).toBe(2);
  });

  row('`b.si(1, 2)` in a chain', async () => {
    const { tasks, numbers, test: it } = unit();
    const task = tasks.addTask(chain(step(numbers, 'one'), step(numbers, 'add', 1, 2)));
    await it.run();
    expect((await task.settled()).result).toBe(3);
  });
});

describe('beat', () => {
  const start = () => startApp({ providers: [Reports], imports: [TestTasksModule.forRoot({ mode: 'manual' })] });

  row('`beat_schedule` with `crontab(hour=3, minute=0)`', async () => {
    const { app } = await start();
    expect(await app.get(TestTasks).runScheduled('Reports.rebuild')).toMatchObject({ result: 'rebuilt' });
  });

  row('`beat_schedule` with `60.0` seconds', async () => {
    const { app } = await start();
    expect(await app.get(TestTasks).runScheduled('Reports.sweep')).toMatchObject({ result: 'swept' });
  });
});

describe('workers', () => {
  row('`celery -A app worker -Q mail -c 10`', async ({ skip }) => {
    skip(!redis, 'There is no Redis');
    const { runner } = await onRedis(ownPrefix(), { worker: { queues: ['mail'], concurrency: 10 } });
    await runner.start(Mailer, 'send', 'ada@example.com').settled();
    expect(sent).toEqual(['ada@example.com']);
  });

  row('a web process that only sends', async ({ skip }) => {
    skip(!redis, 'There is no Redis');
    const prefix = ownPrefix();
    const { url, app } = await onRedis(prefix, { worker: false });
    await request(url).post('/mails').send({ to: 'ada@example.com' }).expect(201);
    expect(await app.get(BullMqQueues).get('mail').getJobCounts('waiting')).toEqual({ waiting: 1 });
    await onRedis(prefix);
    await expect.poll(() => sent).toEqual(['ada@example.com']);
  });

  row("`rate_limit='10/m'`", async ({ skip }) => {
    skip(!redis, 'There is no Redis');
    const { runner } = await onRedis(ownPrefix(), { worker: { limiter: { max: 10, duration: 60_000 } } });
    const started = Array.from({ length: 11 }, () => runner.start(Numbers, 'one'));
    await Promise.all(started.slice(0, 10).map((task) => task.settled()));
    expect(runner.stats()).toMatchObject({ completed: 10 });
  });

  row('`acks_late`, `reject_on_worker_lost`', async ({ skip }) => {
    skip(!redis, 'There is no Redis');
    const prefix = ownPrefix();
    const first = await onRedis(prefix, {}, { shutdownTimeout: 1 });
    const { id } = first.runner.start(Numbers, 'wait');
    await expect.poll(() => sent).toEqual(['began']);
    await first.app.close();
    const { app } = await onRedis(prefix);
    await expect.poll(() => sent).toEqual(['began', 'began']);
    gate.open();
    await expect.poll(() => app.get(TaskRegistry).get(id)).toMatchObject({ status: 'completed', attempts: 1 });
  });

  row('`result_expires`', async ({ skip }) => {
    skip(!redis, 'There is no Redis');
    const { runner, app } = await onRedis(ownPrefix(), { keepCompleted: 1 });
    for (let i = 0; i < 3; i++) {
      await runner.start(Numbers, 'one').settled();
    }
    await expect.poll(() => app.get(BullMqQueues).get('numbers').getJobCounts('completed')).toEqual({ completed: 1 });
  });

  row('Flower', () =>
    showsDashboard(BackgroundTasksDashboardModule.forRoot({ guards: [AdminGuard] }), '/background-tasks'),
  );
});

describe('requests and tests', () => {
  const start = (kit: DynamicModule) =>
    startApp({ controllers: [MailsController, FailingController], providers, imports: [kit] });

  @Controller('failing')
  class FailingController {
    constructor(private readonly mailer: Mailer) {}

    @Post()
    send(@Tasks() tasks: BackgroundTasks) {
      tasks.addTask(this.mailer, 'send', 'ada@example.com');
      throw new BadRequestException();
    }
  }

  row('`transaction.on_commit(send.delay)`', async () => {
    const { url, app } = await start(TestTasksModule.forRoot({ mode: 'manual' }));
    await request(url).post('/failing').expect(400);
    await app.get(TestTasks).run();
    expect(sent).toEqual([]);
  });

  row('`task_always_eager`', async () => {
    const { url } = await start(TestTasksModule.forRoot({ mode: 'inline' }));
    await request(url).post('/mails').send({ to: 'ada@example.com' }).expect(201);
    expect(sent).toEqual(['ada@example.com']);
  });
});

test('the example: a mail and its status', async () => {
  const { url, app } = await startApp({
    controllers: [MailsController],
    providers,
    imports: [TestTasksModule.forRoot({ mode: 'manual' })],
  });
  const { body } = await request(url).post('/mails').send({ to: 'ada@example.com' }).expect(201);
  const { id } = body as { id: string };
  await request(url).get(`/mails/${id}`).expect(200, { status: 'pending' });
  await app.get(TestTasks).run();
  await request(url).get(`/mails/${id}`).expect(200, { status: 'completed' });
  await request(url).get('/mails/unknown').expect(404);
});

test('the example: chain and group', async () => {
  const { tasks, numbers, test: it } = unit();
  const pages = [1, 2, 3];
  // #region canvas
  const last = tasks.addTask(
    group(
      pages.map((page) => step(numbers, 'add', page, 1)), // at the same time, on all workers
      step(numbers, 'sum', previousResult), // an array, in the order of the pages
    ),
  );
  // #endregion
  await it.run();
  expect((await last.settled()).result).toBe(9);
});

test('the example: a worker', async ({ skip }) => {
  skip(!redis, 'There is no Redis');
  const connection = redis!;
  const queues =
    // #region worker
    BullMqTasksModule.forRoot({ connection, worker: { queues: ['mail'], concurrency: 10 } });
  // #endregion
  expect(queues.module).toBe(BullMqTasksModule);
});

check();
