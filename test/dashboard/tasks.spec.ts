import { setTimeout } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { describe, expect, test } from 'vitest';
import { currentTask, Task, TaskQueueError } from 'nestjs-background-tasks';
import { BackgroundTasksDashboardModule, type RedactArguments } from 'nestjs-background-tasks/dashboard';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { TestTasksModule } from 'nestjs-background-tasks/testing';
import { TaskQueueHost } from '../../lib/durable/task-queue-host.ts';
import type { TaskPage, TaskView } from '../../lib/dashboard/dashboard.api.ts';
import { displayOf } from '../../lib/dashboard/tasks/display.ts';
import { Gate } from '../fixtures/gate.ts';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { startDashboard } from './start-dashboard.ts';

const showing = (redact: RedactArguments | object) =>
  BackgroundTasksDashboardModule.forRoot({ guards: 'open', canAct: () => true, redact });

describe('tasks of this process', () => {
  test('are listed, the newest first, by pages, without their results', async () => {
    const { json, runner } = await startDashboard();
    const tasks = Array.from({ length: 5 }, (_, i) => runner.with({ name: `task ${i}` }).start(() => 'secret result'));
    await runner.drain();
    const page = await json<TaskPage>('/api/tasks?offset=1&limit=2');
    expect(page).toMatchObject({ total: 5, offset: 1, tasks: [{ name: 'task 3' }, { name: 'task 2' }] });
    expect(page.tasks[0]).toEqual({
      id: tasks[3]!.id,
      name: 'task 3',
      status: 'completed',
      attempts: 1,
      createdAt: expect.any(String),
      startedAt: expect.any(String),
      finishedAt: expect.any(String),
      target: 'event-loop',
      canCancel: false,
      canRetry: false,
    });
  });

  test('a page leaves out what was added after the time of the list', async () => {
    const { json, runner } = await startDashboard();
    const add = async (name: string) => {
      const task = runner.with({ name }).start(() => undefined);
      await runner.drain();
      return task.createdAt;
    };
    const before = await add('old');
    await expect.poll(() => Date.now()).toBeGreaterThan(Number(before));
    await add('new');
    expect(await json<TaskPage>(`/api/tasks?before=${before.toISOString()}`)).toMatchObject({
      total: 1,
      before: before.toISOString(),
      tasks: [{ name: 'old' }],
    });
    expect(await json('/api/tasks?before=yesterday')).toMatchObject({ code: 'BAD_REQUEST' });
  });

  test('are found by name, id and status', async () => {
    const { json, runner } = await startDashboard();
    const gate = new Gate();
    const held = runner.with({ name: 'Mailer.sendWelcome' }).start(() => gate.opened);
    const failed = runner.with({ name: 'Reports.build' }).start(() => Promise.reject(new Error('no paper')));
    await failed.settled();
    const found = async (query: string) => (await json<TaskPage>(`/api/tasks?${query}`)).tasks.map(({ name }) => name);
    expect(await found('search=WELCOME')).toEqual(['Mailer.sendWelcome']);
    expect(await found(`search=${held.id.slice(0, 13)}`)).toEqual(['Mailer.sendWelcome']);
    expect(await found('search=nothing')).toEqual([]);
    expect(await found('status=failed')).toEqual(['Reports.build']);
    expect(await found('status=running&name=Mailer.sendWelcome')).toEqual(['Mailer.sendWelcome']);
    expect(await found('name=Mailer')).toEqual([]);
    gate.open();
  });

  test('have all of their attempts, with errors and delays', async () => {
    const { json, runner } = await startDashboard();
    let count = 0;
    const task = runner.with({ name: 'flaky', attempts: 3, backoff: { type: 'fixed', delay: 20 } }).start(() => {
      count++;
      if (count < 3) {
        throw new RangeError(`try ${count} at https://ada:s3cret@example.test`);
      }
    });
    await task.settled();
    const { attempts } = await json<TaskView>(`/api/tasks/${task.id}`);
    const error = { name: 'RangeError', message: 'try 1 at https://***@example.test' };
    const times = { startedAt: expect.any(String), finishedAt: expect.any(String) };
    expect(attempts).toEqual([
      { attempt: 1, ...times, error, delay: 20 },
      { attempt: 2, ...times, error: { ...error, message: error.message.replace('1', '2') }, delay: 20 },
      { attempt: 3, ...times },
    ]);
  });

  test('can be cancelled', async () => {
    const { post, runner } = await startDashboard();
    const task = runner.with({ delay: 60_000 }).start(function later() {});
    expect(await (await post(`/api/tasks/${task.id}/cancel`)).json()).toEqual({ done: true });
    expect(task.status).toBe('cancelled');
  });

  test('that block the event loop are named', async () => {
    const { json, runner } = await startDashboard({ tasks: { blockingThreshold: 5 } });
    await runner
      .start(function blocks() {
        for (const end = performance.now() + 20; performance.now() < end;);
      })
      .settled();
    expect(await json('/api/overview')).toMatchObject({
      blocked: [{ name: 'blocks', ms: expect.any(Number), at: expect.any(String) }],
    });
  });

  test('are counted by second', async () => {
    const { json, runner } = await startDashboard();
    await runner.start(function works() {}).settled();
    await runner.start(() => Promise.reject(new Error('no'))).settled();
    const sum = (list: number[]) => list.reduce((a, b) => a + b, 0);
    await expect
      .poll(async () => {
        const { series } = await json<{ series: Record<'added' | 'completed' | 'failed', number[]> }>('/api/overview');
        return [series.added, series.completed, series.failed].map(sum);
      })
      .toEqual([2, 1, 1]);
  });

  test('a history of 100,000 is searched without a record for each, and an id is made for none', async () => {
    const { app, json, runner } = await startDashboard({
      tasks: { history: { max: 200_000, ttl: Infinity }, maxPending: 200_000 },
    });
    for (let i = 0; i < 100_000; i++) {
      runner.with({ name: `task ${i % 50}` }).start(() => undefined);
    }
    await runner.drain();
    await json('/api/tasks');
    const took: number[] = [];
    for (const query of ['search=task 17', 'search=zzz', 'status=failed', 'offset=50000', '']) {
      const beganAt = performance.now();
      const { total } = await json<TaskPage>(`/api/tasks?${query}`);
      took.push(performance.now() - beganAt);
      expect(total).toBe({ 'search=task 17': 2_000, 'search=zzz': 0, 'status=failed': 0 }[query] ?? 100_000);
    }
    process.stdout.write(`100,000 tasks, ms for each answer: ${took.map((ms) => ms.toFixed(0)).join(', ')}\n`);
    expect(Math.max(...took)).toBeLessThan(5_000);
    await app.close();
  });
});

describe('arguments and results', () => {
  const login = { user: 'ada', password: 'hunter2', nested: [{ token: 'abc' }] };

  test('are hidden without redact', async () => {
    const { json, runner } = await startDashboard();
    const task = runner.start((given: typeof login) => given, login);
    await task.settled();
    const view = await json<TaskView>(`/api/tasks/${task.id}`);
    expect(view).not.toHaveProperty('arguments');
    expect(view.task).not.toHaveProperty('result');
    expect(JSON.stringify([view, await json('/api/tasks'), await json('/api/overview')])).not.toMatch(/hunter2|abc/);
    expect((await json<TaskPage>('/api/tasks?search=hunter2')).total).toBe(0);
  });

  test('show what redact returns, which is given a copy, nested and by position', async () => {
    const dashboard = showing((task: { name: string }, args: readonly unknown[]) => {
      const [first, ...others] = args as [typeof login, ...unknown[]];
      first.password = '***';
      first.nested[0]!.token = '***';
      return task.name === 'logIn' ? [first, ...others.map(() => '***')] : undefined;
    });
    const { json, runner } = await startDashboard({ dashboard });
    const given = structuredClone(login);
    const task = runner.with({ delay: 60_000 }).start(function logIn(_login: object, _code: string) {}, given, '4711');
    const view = await json<TaskView>(`/api/tasks/${task.id}`);
    expect(view.arguments).toEqual([{ user: 'ada', password: '***', nested: [{ token: '***' }] }, '***']);
    expect(given).toEqual(login);
    const found = async (text: string) => (await json<TaskPage>(`/api/tasks?search=${text}`)).total;
    expect(await found('ADA')).toBe(1);
    expect(await found('hunter2')).toBe(0);
    expect(await found('4711')).toBe(0);
    const other = runner.with({ name: 'other', delay: 60_000 }).start((_it: object) => undefined, login);
    expect(await json<TaskView>(`/api/tasks/${other.id}`)).not.toHaveProperty('arguments');
  });

  test('show a result only if redact has a function for it', async () => {
    const dashboard = showing({ result: (_task: object, result: { user: string }) => result.user });
    const { json, runner } = await startDashboard({ dashboard });
    const task = runner.start((given: typeof login) => given, login);
    await task.settled();
    const view = await json<TaskView>(`/api/tasks/${task.id}`);
    expect(view.task.result).toBe('ada');
    expect(view).not.toHaveProperty('arguments');
  });

  test.each([
    [
      'throws',
      (_task: object, [it]: readonly unknown[]) => {
        throw new Error(`wrong: ${JSON.stringify(it)}`);
      },
    ],
    ['returns a promise', async (_task: object, args: readonly unknown[]) => args],
  ])('are hidden if redact %s, and the log says so once, without them', async (_what, redact) => {
    const { json, runner, log } = await startDashboard({ dashboard: showing(redact) });
    const task = runner.start(function logIn(_it: object) {}, login);
    expect(await json<TaskView>(`/api/tasks/${task.id}`)).not.toHaveProperty('arguments');
    await json('/api/tasks?search=hunter2');
    const text = JSON.stringify(log);
    expect(text.split("The dashboard's option redact").length - 1).toBe(1);
    expect(text).not.toContain('hunter2');
  });

  test('that JSON lacks are shown as text, and large ones in part', async () => {
    const { json, runner } = await startDashboard({
      dashboard: showing((_task: object, args: readonly unknown[]) => args),
    });
    const circular: { self?: object } = {};
    circular.self = circular;
    const args = [new Map([['a', 1n]]), new Set([NaN]), Buffer.from('abc'), circular, undefined, 'x'.repeat(50_000)];
    const task = runner.start(
      function odd(..._args: unknown[]) {},
      ...args,
      () => 1,
    );
    const { arguments: shown } = await json<{ arguments: unknown[] }>(`/api/tasks/${task.id}`);
    expect(shown.slice(0, 5)).toEqual([
      { map: [['a', '1n']] },
      { set: ['NaN'] },
      '[3 bytes]',
      { self: '[circular]' },
      null,
    ]);
    expect(shown[5]).toHaveLength(10_001);
    expect(shown[6]).toBe('[an anonymous function]');
    const large = runner.start(
      function large(..._args: unknown[]) {},
      { ['k'.repeat(50_000)]: 1 },
      Object.assign(new Error('m'.repeat(50_000))),
      10n ** 20_000n,
      Array.from({ length: 1_000 }, () => 't'.repeat(9_000)),
    );
    expect(JSON.stringify(await json(`/api/tasks/${large.id}`)).length).toBeLessThan(250_000);
  });

  test('progress is shown in part, and any of it', async () => {
    const { json, runner } = await startDashboard();
    const gate = new Gate();
    const circular: { self?: object } = {};
    circular.self = circular;
    const given = {
      NaN: NaN,
      large: { percent: 50, rows: Array.from({ length: 10_000 }, () => 'x'.repeat(1_000)) },
      circular,
      date: new Date(0),
    };
    const ids = Object.entries(given).map(
      ([name, progress]) =>
        runner.with({ name }).start(() => {
          currentTask()!.updateProgress(progress);
          return gate.opened;
        }).id,
    );
    await expect.poll(() => runner.stats().running).toBe(4);
    const { tasks } = await json<TaskPage>('/api/tasks');
    const of = (name: string) => tasks.find((task) => task.name === name)!.progress;
    expect(of('NaN')).toEqual({ progress: 'NaN' });
    expect(of('large')).toMatchObject({ percent: 50 });
    expect(JSON.stringify(of('large')).length).toBeLessThan(2_000);
    expect(of('circular')).toEqual({ self: '[circular]' });
    expect(of('date')).toEqual({ progress: '1970-01-01T00:00:00.000Z' });
    const view = JSON.stringify(await json<TaskView>(`/api/tasks/${ids[1]}`));
    expect(view.length).toBeGreaterThan(2_000);
    expect(view.length).toBeLessThan(250_000);
    gate.open();
  });
});

test('no more of a large Map or Set is read than is shown', () => {
  let read = 0;
  function* counted<T>(items: Iterable<T>) {
    for (const it of items) {
      read++;
      yield it;
    }
  }
  const numbers = Array.from({ length: 10_000 }, (_, i) => i);
  const map = new Map(numbers.map((i) => [i, i]));
  const set = new Set(numbers);
  map[Symbol.iterator] = () => counted(map.entries()) as MapIterator<[number, number]>;
  set[Symbol.iterator] = () => counted(set.values()) as SetIterator<number>;
  for (const value of [map, set]) {
    read = 0;
    const shown = displayOf(value, { depth: 4, parts: 50, text: 200, texts: 1_000 });
    expect(JSON.stringify(shown).length).toBeLessThan(500);
    expect(read).toBeGreaterThan(10);
    expect(read).toBeLessThan(100);
  }
});

/** While it is set, `Mail.send` fails. */
let isBroken = false;

@Injectable()
class Mail {
  @Task({ queue: 'mail', attempts: 2 })
  send(_login: { user: string; password: string }): string {
    if (isBroken) {
      throw new RangeError('no post today');
    }
    return 'sent';
  }

  @Task({ queue: 'mail', repeat: { every: 3_600_000 } })
  digest(): void {}
}

const queues = [
  { name: 'memory', module: () => TestTasksModule.forRoot({ mode: 'background' }) },
  ...stores.map(({ name, connection }) => ({
    name,
    module: () => BullMqTasksModule.forRoot({ connection, prefix: ownPrefix(), enqueueTimeout: 20_000 }),
  })),
];

const patience = { timeout: 30_000, interval: 50 };

describe.each(queues)('durable tasks in $name', ({ module }) => {
  const start = () =>
    startDashboard({
      metadata: { imports: [module()], providers: [Mail] },
      dashboard: showing((_task: object, [login]: readonly unknown[]) => [
        { ...(login as object | undefined), password: '***' },
      ]),
    });

  test('are listed by queue and here, with attempts and arguments, and retried', { timeout: 90_000 }, async () => {
    const { json, post, runner, app } = await start();
    const mail = app.get(Mail);
    isBroken = true;
    const task = runner.start(mail, 'send', { user: 'ada', password: 'hunter2' });
    await task.stored();
    const statusIn = async (query: string) =>
      (await json<TaskPage>(`/api/tasks?${query}`)).tasks.find(({ id }) => id === task.id)?.status;
    await expect.poll(() => statusIn('queue=mail'), patience).toBe('failed');
    expect(await statusIn('')).toBe('failed');
    expect(await statusIn('status=failed')).toBe('failed');
    expect(await statusIn('status=completed')).toBeUndefined();
    expect(await statusIn('queue=mail&search=ada')).toBe('failed');
    expect(await statusIn('queue=mail&search=hunter2')).toBeUndefined();
    expect(await statusIn('queue=mail&search=SEND')).toBe('failed');
    const view = await json<TaskView>(`/api/tasks/${task.id}`);
    const error = { name: 'RangeError', message: 'no post today' };
    expect(view).toMatchObject({
      task: { target: 'queue', queue: 'mail', canRetry: true, canCancel: false, attempts: 2 },
      attempts: [
        { attempt: 1, error },
        { attempt: 2, error },
      ],
      arguments: [{ user: 'ada', password: '***' }],
    });
    expect(await (await post('/api/tasks/retry?dry=1', { queue: 'mail', name: 'Mail.send' })).json()).toEqual({
      matching: 1,
    });
    expect(await (await post('/api/tasks/retry?dry=1', { queue: 'mail', search: 'other' })).json()).toEqual({
      matching: 0,
    });
    isBroken = false;
    expect(await (await post('/api/tasks/retry', { queue: 'mail', search: 'mail.s' })).json()).toEqual({ retried: 1 });
    await expect.poll(() => statusIn('queue=mail'), patience).toBe('completed');
    expect(await (await post(`/api/tasks/${task.id}/retry`)).json()).toEqual({ done: false });
  });

  test('wait while their queue is paused, and can be cancelled', { timeout: 90_000 }, async () => {
    const { json, post, runner, app } = await start();
    expect(await (await post('/api/queues/mail/pause')).json()).toEqual({ isPaused: true });
    const task = runner.start(app.get(Mail), 'send', { user: 'ada', password: 'x' });
    const cancelled = runner.start(app.get(Mail), 'send', { user: 'bob', password: 'x' });
    await Promise.all([task.stored(), cancelled.stored()]);
    expect(await (await post(`/api/tasks/${cancelled.id}/cancel`)).json()).toEqual({ done: true });
    await setTimeout(0);
    expect((await json<TaskView>(`/api/tasks/${task.id}`)).task.status).toBe('pending');
    expect(await (await post('/api/queues/mail/resume')).json()).toEqual({ isPaused: false });
    await expect
      .poll(async () => (await json<TaskView>(`/api/tasks/${task.id}`)).task.status, patience)
      .toBe('completed');
    for (const action of ['pause', 'resume']) {
      const unknown = await post(`/api/queues/other/${action}`);
      expect(unknown.status).toBe(404);
      expect(await unknown.json()).toMatchObject({ code: 'UNKNOWN_QUEUE' });
    }
    expect(await (await post('/api/tasks/retry', { queue: 'other' })).json()).toMatchObject({ code: 'UNKNOWN_QUEUE' });
  });

  test('that repeat have schedules', { timeout: 90_000 }, async () => {
    const { json } = await start();
    await expect
      .poll(() => json('/api/schedules'), patience)
      .toMatchObject({ schedules: [{ name: 'Mail.digest', queue: 'mail', every: 3_600_000 }] });
  });

  test('a queue that is away shows, and the rest of the page goes on', { timeout: 90_000 }, async () => {
    const { json, get, runner, app } = await start();
    const queue = app.get(TaskQueueHost, { strict: false }).current!;
    const task = runner.start(app.get(Mail), 'send', { user: 'ada', password: 'x' });
    await task.stored();
    const away = () => Promise.reject(new TaskQueueError('the queue is away'));
    Object.assign(queue, { find: away, list: away, details: away, stats: away, schedules: away });
    await runner.start(function here() {}).settled();
    expect(await json('/api/tasks?name=here')).toMatchObject({ total: 1 });
    expect(await json('/api/tasks')).toMatchObject({ queueError: 'the queue is away' });
    expect(await json('/api/overview')).toMatchObject({ queues: [], queueError: 'the queue is away' });
    for (const at of ['/api/tasks?queue=mail', '/api/schedules']) {
      const response = await get(at);
      expect(response.status).toBe(503);
      expect(await response.json()).toMatchObject({ message: 'the queue is away' });
    }
  });
});

stopStores();
