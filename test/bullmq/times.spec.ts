import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, Scope } from '@nestjs/common';
import { afterEach, describe, expect, test } from 'vitest';
import { currentTask, Task, type TaskEvent, type TaskRecord, TaskRegistry } from 'nestjs-background-tasks';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { Gate } from '../fixtures/gate.ts';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { startApp } from '../fixtures/start-app.ts';
import { burn, square } from '../fixtures/threads/stored.task.ts';

/** Each task waits for longer than its timeout, and then takes next to nothing. */
const TIMEOUT = 250;
const WAIT = 2 * TIMEOUT;

const CONNECTION = Symbol('CONNECTION');

/** The gates of one test: what a factory calls it for, and what it waits for. */
let wanted = new Gate();
let made = new Gate();
let held = new Gate();

afterEach(() => {
  [made, held].forEach((it) => it.open());
  [wanted, made, held] = [new Gate(), new Gate(), new Gate()];
});

const connectionProvider = {
  provide: CONNECTION,
  scope: Scope.REQUEST,
  useFactory: () => {
    wanted.open();
    return made.opened;
  },
};

@Injectable({ scope: Scope.REQUEST })
class Report {
  constructor(@Inject(CONNECTION) readonly connection: unknown) {}

  @Task({ queue: 'work', timeout: TIMEOUT })
  render() {
    return 'rendered';
  }
}

@Injectable()
class Work {
  @Task({ queue: 'work' })
  hold() {
    return held.opened;
  }

  @Task({ queue: 'work', timeout: TIMEOUT })
  quick() {
    return 'done';
  }

  @Task({ queue: 'work', timeout: TIMEOUT })
  count(rows: ReadonlyMap<Date, bigint>) {
    return rows.size;
  }

  @Task({ queue: 'work', attempts: 3, backoff: { type: 'fixed', delay: 100 } })
  failsTwice() {
    if (currentTask()!.attempt < 3) {
      throw new Error('not yet');
    }
    return 'done';
  }
}

stopStores();

const all = [...stores, { name: 'PGlite', connection: 'pglite:' }];

describe.each(all)('on $name', { timeout: 90_000 }, ({ connection: server }) => {
  /** An application that runs tasks, and the registry of one that runs none. */
  async function start(options: Parameters<typeof startApp>[1] = {}) {
    const prefix = ownPrefix();
    const module = (worker: object | false) =>
      BullMqTasksModule.forRoot({ connection: server, prefix, worker, maxSize: 50_000_000, enqueueTimeout: 20_000 });
    const providers = [connectionProvider, Report, Work];
    const started = await startApp({ imports: [module({ concurrency: 3 })], providers }, options);
    const other = server !== 'pglite:' ? await startApp({ imports: [module(false)], providers }) : started;
    const events: TaskEvent[] = [];
    started.runner.events.subscribe((event) => events.push(event));
    const registry = other.app.get(TaskRegistry);
    /** The steps that the process of the task has seen. */
    const seen = (id: string, type: TaskEvent['type']) => events.filter((it) => it.task.id === id && it.type === type);
    /** Says for how long the function of a settled task waited. Record and events have to agree. */
    const waited = async (id: string) => {
      const record = (await registry.get(id))!;
      const [first, ...others] = seen(id, 'started') as (TaskEvent & { wait: number })[];
      expect([record.startedAt, others]).toEqual([first!.task.startedAt, []]);
      expect(first!.wait).toBe(Date.parse(record.startedAt!) - Date.parse(record.createdAt));
      return first!.wait;
    };
    const finds = (id: string, record: Partial<TaskRecord>) =>
      expect.poll(() => registry.get(id), { timeout: 20_000 }).toMatchObject(record);
    return { ...started, registry, seen, waited, finds };
  }

  test('the time in which Nest makes the provider counts as waiting', async () => {
    const { runner, registry, waited } = await start();
    const task = runner.start(Report, 'render');
    await wanted.opened;
    await sleep(WAIT);
    const record = await registry.get(task.id);
    expect(record).toMatchObject({ status: 'pending', attempts: 0 });
    expect(record).not.toHaveProperty('startedAt');
    made.open();
    expect(await task.settled()).toMatchObject({ status: 'completed', attempts: 1 });
    expect(await waited(task.id)).toBeGreaterThanOrEqual(WAIT - 5);
  });

  test('the time in which a claimed task waits for concurrency counts as waiting', async () => {
    const { app, runner, registry, finds, waited } = await start({ concurrency: 1 });
    const first = runner.start(app.get(Work), 'hold');
    await finds(first.id, { status: 'running', attempts: 1 });
    const second = runner.start(app.get(Work), 'quick');
    await expect.poll(() => runner.stats()).toMatchObject({ running: 1, pending: 1 });
    await sleep(WAIT);
    expect(await registry.get(second.id)).toMatchObject({ status: 'pending', attempts: 0 });
    expect(await registry.list({ queue: 'work', status: 'running' })).toMatchObject([{ id: first.id }]);
    expect(await registry.list({ queue: 'work', status: 'pending' })).toMatchObject([{ id: second.id }]);
    held.open();
    expect(await second.settled()).toMatchObject({ status: 'completed', attempts: 1 });
    expect(await waited(second.id)).toBeGreaterThanOrEqual(WAIT - 5);
    await first.settled();
    expect(await waited(first.id)).toBeLessThan(WAIT);
  });

  test('the time in which a claimed task waits for a thread counts as waiting', async () => {
    const { runner, seen, waited } = await start({ pool: { maxThreads: 1 } });
    const first = runner.start(burn, 2 * WAIT);
    await expect.poll(() => seen(first.id, 'started')).toHaveLength(1);
    const second = runner.with({ timeout: WAIT }).start(square, 2);
    const { startedAt } = await second.settled();
    expect(await second.settled()).toMatchObject({ status: 'completed', result: { square: 4 } });
    await waited(second.id);
    const { finishedAt } = seen(first.id, 'completed')[0]!.task;
    expect(Date.parse(startedAt!)).toBeGreaterThanOrEqual(Date.parse(finishedAt!) - 1);
  });

  test('the time in which arguments are decoded counts as waiting, and nothing blames the task', async () => {
    const { app, runner, log, waited } = await start({ blockingThreshold: 20 });
    const rows = new Map(Array.from({ length: 15_000 }, (_, i) => [new Date(i), BigInt(i)]));
    const task = runner.start(app.get(Work), 'count', rows);
    expect(await task.settled()).toMatchObject({ status: 'completed', result: rows.size });
    await waited(task.id);
    expect(log.said('warn')).toEqual([]);
  });

  test('a record has the time of the first attempt, in each attempt and each event', async () => {
    const { app, runner, registry, seen } = await start();
    const task = runner.start(app.get(Work), 'failsTwice');
    const record = await task.settled();
    expect(record).toMatchObject({ status: 'completed', attempts: 3 });
    const { startedAt } = seen(task.id, 'started')[0]!.task;
    const steps = [...seen(task.id, 'started'), ...seen(task.id, 'retrying'), ...seen(task.id, 'completed')];
    expect(steps.map((it) => it.task.startedAt)).toEqual(Array(6).fill(startedAt));
    expect([record.startedAt, (await registry.get(task.id))!.startedAt]).toEqual([startedAt, startedAt]);
    const [completed] = seen(task.id, 'completed') as [TaskEvent & { run: number }];
    expect(completed.run).toBeGreaterThanOrEqual(190);
  });

  test('a task that is cancelled before its function begins has no attempt', async () => {
    const { runner, registry, seen, finds } = await start();
    const task = runner.start(Report, 'render');
    await wanted.opened;
    expect(await registry.cancel(task.id)).toBe(true);
    await finds(task.id, { status: 'cancelled', attempts: 0 });
    const record = await task.settled();
    expect(record).toMatchObject({ status: 'cancelled', attempts: 0 });
    expect(record).not.toHaveProperty('startedAt');
    await expect.poll(() => seen(task.id, 'cancelled')).toMatchObject([{ task: { attempts: 0 } }]);
    expect(seen(task.id, 'started')).toEqual([]);
  });
});
