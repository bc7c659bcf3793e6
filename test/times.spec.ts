import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, Scope } from '@nestjs/common';
import { beforeEach, expect, test } from 'vitest';
import {
  currentTask,
  type TaskEvent,
  TaskProviderError,
  TaskRegistry,
  type TaskRunner,
  TaskTimeoutError,
} from 'nestjs-background-tasks';
import { providerNotReady } from '../lib/execution/execution.messages.ts';
import { ProviderResolver } from '../lib/execution/provider-resolver.ts';
import { Gate } from './fixtures/gate.ts';
import { startApp } from './fixtures/start-app.ts';
import { block, countRows, identity } from './fixtures/threads/math.task.ts';

/** Each task waits for longer than its timeout, and then takes next to nothing. */
const TIMEOUT = 250;
const WAIT = 2 * TIMEOUT;

const CONNECTION = Symbol('CONNECTION');

/** What a factory that makes a connection calls. Set anew for each test. */
let connect: () => Promise<unknown>;
let wanted: Gate;
const gates: Gate[] = [];

const connectionProvider = {
  provide: CONNECTION,
  scope: Scope.REQUEST,
  useFactory: () => {
    wanted.open();
    return connect();
  },
};

@Injectable({ scope: Scope.REQUEST })
class Report {
  constructor(@Inject(CONNECTION) readonly connection: unknown) {}

  render() {
    return 'rendered';
  }

  failsFirst() {
    if (currentTask()!.attempt === 1) {
      throw new Error('not yet');
    }
    return 'rendered';
  }

  hang() {
    return new Promise(() => undefined);
  }
}

const providers = [connectionProvider, Report];

function gate(): Gate {
  const made = new Gate();
  gates.push(made);
  return made;
}

beforeEach(() => {
  wanted = new Gate();
  connect = async () => 'connection';
  return () => gates.splice(0).forEach((it) => it.open());
});

const seen = (runner: TaskRunner) => {
  const events: TaskEvent[] = [];
  runner.events.subscribe((event) => events.push(event));
  return (type: TaskEvent['type']) => events.filter((it) => it.type === type);
};

const msBetween = (from: string | undefined, to: string | undefined) => Date.parse(to!) - Date.parse(from!);

test('the time in which Nest makes the provider counts as waiting', async () => {
  const { app, runner } = await startApp({ providers });
  const events = seen(runner);
  const made = gate();
  connect = () => made.opened;
  const task = runner.with({ timeout: TIMEOUT }).start(Report, 'render');
  await wanted.opened;
  expect(await app.get(TaskRegistry).get(task.id)).toMatchObject({ status: 'pending', attempts: 0 });
  expect(task.startedAt).toBeUndefined();
  expect(runner.stats()).toMatchObject({ pending: 1, running: 0 });
  await sleep(WAIT);
  expect(events('started')).toEqual([]);
  made.open();
  const record = await task.settled();
  expect(record).toMatchObject({ status: 'completed', attempts: 1, result: 'rendered' });
  expect(msBetween(record.createdAt, record.startedAt)).toBeGreaterThanOrEqual(WAIT - 5);
  const [started] = events('started') as [TaskEvent & { wait: number }];
  expect(started.task.startedAt).toBe(record.startedAt);
  expect(started.wait).toBe(msBetween(record.createdAt, record.startedAt));
  const [completed] = events('completed') as [TaskEvent & { run: number }];
  expect(completed.run).toBe(msBetween(record.startedAt, record.finishedAt));
});

test('that holds for each attempt, and the timeout counts once the provider is there', async () => {
  const { runner } = await startApp({ providers });
  connect = () => sleep(WAIT);
  const twice = runner.with({ attempts: 2, timeout: TIMEOUT }).start(Report, 'failsFirst');
  expect(await twice.settled()).toMatchObject({ status: 'completed', attempts: 2 });
  const hung = runner.with({ timeout: TIMEOUT }).start(Report, 'hang');
  expect(await hung.settled()).toMatchObject({ status: 'failed', attempts: 1, error: { name: TaskTimeoutError.name } });
});

test('a task that is cancelled while its provider is made has never begun', async () => {
  const { runner } = await startApp({ providers });
  const events = seen(runner);
  connect = () => gate().opened;
  const task = runner.start(Report, 'render');
  await wanted.opened;
  expect(task.cancel()).toBe(true);
  expect(await task.settled()).toMatchObject({ status: 'cancelled', attempts: 0 });
  expect(task.startedAt).toBeUndefined();
  expect(events('started')).toEqual([]);
  expect(events('cancelled')).toEqual([{ type: 'cancelled', task: expect.anything() }]);
});

test('a provider that is never made fails its task, and each attempt counts', async () => {
  const { app, runner } = await startApp({ providers });
  app.get(ProviderResolver).limit = 100;
  connect = () => gate().opened;
  const task = runner.with({ attempts: 2 }).start(Report, 'render');
  expect(await task.settled()).toMatchObject({
    status: 'failed',
    attempts: 2,
    error: { name: TaskProviderError.name, message: providerNotReady('Report.render', 100) },
  });
});

test('a provider that can’t be made fails its task with the error of its factory', async () => {
  const { runner } = await startApp({ providers });
  connect = () => Promise.reject(new RangeError('no connection'));
  expect(await runner.start(Report, 'render').settled()).toMatchObject({
    status: 'failed',
    attempts: 1,
    startedAt: expect.any(String),
    error: { name: 'RangeError', message: 'no connection' },
  });
});

test('an application closes while a provider is made', async () => {
  const { app, runner } = await startApp({ providers }, { shutdownTimeout: 100 });
  connect = () => gate().opened;
  const task = runner.start(Report, 'render');
  await wanted.opened;
  await app.close();
  expect(await task.settled()).toMatchObject({ status: 'cancelled', attempts: 0 });
});

test('the time in which a task waits for its turn, for concurrency or for a thread counts as waiting', async () => {
  const { runner } = await startApp({}, { concurrency: 1, pool: { maxThreads: 1 } });
  const held = gate();
  const first = runner.start(() => held.opened);
  const second = runner.with({ timeout: TIMEOUT }).start(() => 'second');
  await sleep(WAIT);
  expect(second).toMatchObject({ status: 'pending', startedAt: undefined });
  held.open();
  expect(await second.settled()).toMatchObject({ status: 'completed' });
  expect(Number(second.startedAt)).toBeGreaterThanOrEqual(Number(first.finishedAt));

  await runner.start(identity, 1).settled();
  const blocking = runner.start(block, WAIT);
  const next = runner.with({ timeout: TIMEOUT }).start(identity, 2);
  expect(await next.settled()).toMatchObject({ status: 'completed', result: 2 });
  expect(Number(next.startedAt)).toBeGreaterThanOrEqual(Number(blocking.finishedAt) - 1);
});

test('the time in which a thread reads large arguments counts as waiting, and nothing blames the task', async () => {
  const { runner, log } = await startApp({}, { pool: { maxThreads: 1 }, blockingThreshold: 20 });
  const large = Array.from({ length: 250_000 }, (_, i) => ({ id: i, name: `row ${i}`, tags: [i] }));
  await runner.start(countRows, []).settled();
  const task = runner.with({ timeout: 100 }).start(countRows, large);
  expect(await task.settled()).toMatchObject({ status: 'completed', result: large.length });
  expect(log.said('warn')).toEqual([]);
}, 60_000);
