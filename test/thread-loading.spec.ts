import { existsSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Global, Module, type Type } from '@nestjs/common';
import { expect, onTestFinished, test } from 'vitest';
import { TaskThreadError, type TaskEvent } from 'nestjs-background-tasks';
import { taskCancelled } from '../lib/errors/task.errors.ts';
import { THREAD_LOAD_LIMIT } from '../lib/threads/thread.executor.ts';
import { moduleNotLoaded, threadNotReady } from '../lib/threads/threads.messages.ts';
import { broken } from './fixtures/threads/broken.task.ts';
import { gated, holdThread, inThread, writes } from './fixtures/threads/gated.task.ts';
import { addTwice } from './fixtures/threads/importing.task.ts';
import { add, blockForEver } from './fixtures/threads/math.task.ts';
import { neverLoaded } from './fixtures/threads/never-loaded.task.ts';
import { running } from './fixtures/running.ts';
import { startApp, type StartedApp } from './fixtures/start-app.ts';

/** ms, far longer than the functions here take. */
const TIMEOUT = 1_000;

/** ms, for a thread that never gets ready. A good thread can take longer on a busy machine, so other tasks have attempts. */
const LIMIT = 3_000;

@Global()
@Module({ providers: [{ provide: THREAD_LOAD_LIMIT, useValue: LIMIT }], exports: [THREAD_LOAD_LIMIT] })
class ShortLimitModule {}

const urlOf = (file: string) => new URL(`fixtures/threads/${file}`, import.meta.url).href;
const preload = ['--import', urlOf('preload-at-gate.mjs')];

/** Starts an application whose threads wait at a gate. */
async function start(pool = {}, imports: Type[] = []) {
  const folder = await mkdtemp(join(tmpdir(), 'gate-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const env = { ...process.env, LOAD_GATE: folder };
  const app = await startApp({ imports }, { pool: { maxThreads: 1, env, ...pool } });
  const put = (name: string) => writeFileSync(join(folder, name), '');
  const events: TaskEvent[] = [];
  app.runner.events.subscribe((event) => void events.push(event));
  return {
    ...app,
    folder,
    events,
    waiting: () => expect.poll(() => existsSync(join(folder, 'waiting')), { timeout: 20_000 }).toBe(true),
    open: () => put('open'),
    free: () => put('freed'),
  };
}

const worksOn = async ({ runner }: StartedApp) =>
  expect(await runner.with({ attempts: 10 }).start(add, 1, 2).settled()).toMatchObject({ result: 3 });

const threadsGone = ({ runner }: StartedApp) =>
  expect.poll(() => runner.stats().threads.alive, { timeout: 10_000 }).toBe(0);

test.each([
  ['loading its file', gated, {}],
  ['starting its thread', add, { execArgv: preload }],
  ['starting its thread, one of those that are kept', add, { minThreads: 1, execArgv: preload }],
])('the time of a task begins after %s', async (_label, fn, pool) => {
  const { runner, events, waiting, open } = await start(pool);
  const task = runner.with({ timeout: TIMEOUT }).start(fn as () => unknown);
  await waiting();
  await sleep(2 * TIMEOUT);
  expect([task.status, task.attempts, task.startedAt]).toEqual(['pending', 0, undefined]);
  const openedAt = Date.now();
  open();
  expect(await task.settled()).toMatchObject({ status: 'completed', attempts: 1 });
  expect(Number(task.startedAt)).toBeGreaterThanOrEqual(openedAt);
  expect(events.map(({ type }) => type)).toEqual(['added', 'started', 'completed']);
  const [, started, completed] = events as [TaskEvent, TaskEvent & { wait: number }, TaskEvent & { run: number }];
  expect(started.wait).toBeGreaterThanOrEqual(2 * TIMEOUT);
  expect(completed.run).toBeLessThan(TIMEOUT);
});

test('a task that is cancelled while its file is loaded has never begun', async () => {
  const app = await start();
  const task = app.runner.with({ attempts: 3 }).start(gated);
  await app.waiting();
  expect(task.cancel()).toBe(true);
  expect(await task.settled()).toMatchObject({
    status: 'cancelled',
    attempts: 0,
    error: { message: taskCancelled('gated', 'requested') },
  });
  expect(task.startedAt).toBeUndefined();
  expect(app.runner.stats()).toMatchObject({ running: 0, cancelled: 1 });
  await threadsGone(app);
  await worksOn(app);
});

test('a thread that loads a file when its task is cancelled runs the next task', async () => {
  const { runner, folder, waiting, open } = await start();
  const file = join(folder, 'written');
  const cancelled = runner.start(writes, file);
  await waiting();
  cancelled.cancel();
  const next = runner.start(inThread);
  // The gate is still closed.
  expect(await cancelled.settled()).toMatchObject({ status: 'cancelled', attempts: 0 });
  await expect.poll(() => runner.stats().threads).toEqual({ alive: 1, busy: 1, waiting: 1 });
  open();
  const { result } = await next.settled();
  expect(result).toEqual(expect.any(Number));
  expect(await runner.start(inThread).settled()).toMatchObject({ result });
  expect(runner.stats().threads.alive).toBe(1);
  expect(existsSync(file)).toBe(false);
});

test('a file that blocks its thread for ever keeps no other task waiting when its task is cancelled', async () => {
  const app = await start();
  const task = app.runner.start(neverLoaded);
  await app.waiting();
  task.cancel();
  expect(await task.settled()).toMatchObject({ status: 'cancelled', attempts: 0 });
  await worksOn(app);
});

test('an application closes while a file blocks its thread for ever', async () => {
  const { app, runner, waiting } = await start();
  const task = runner.start(neverLoaded);
  await waiting();
  const closedAt = performance.now();
  await app.close();
  expect(performance.now() - closedAt).toBeLessThan(10_000);
  expect(await task.settled()).toMatchObject({ status: 'cancelled', attempts: 0 });
});

test('an application closes while its threads never start', async () => {
  const { app, runner } = await start({ minThreads: 1, execArgv: preload });
  const task = runner.start(add, 1, 2);
  await expect.poll(() => runner.stats().threads.alive).toBe(1);
  const closedAt = performance.now();
  await app.close();
  expect(performance.now() - closedAt).toBeLessThan(10_000);
  expect(await task.settled()).toMatchObject({ status: 'cancelled', attempts: 0 });
});

test('a file that never loads fails its task, and its thread is replaced', async () => {
  const app = await start({}, [ShortLimitModule]);
  const task = app.runner.start(gated);
  expect(await task.settled()).toMatchObject({ status: 'failed', attempts: 1 });
  expect(task.error).toEqual(new TaskThreadError(threadNotReady('gated', urlOf('gated.task.ts'), LIMIT)));
  await threadsGone(app);
  await worksOn(app);
  app.open();
  expect(await app.runner.with({ attempts: 10 }).start(gated).settled()).toMatchObject({ result: 'ran' });
});

test.each([
  ['none is kept', {}],
  ['two are kept', { minThreads: 2 }],
])('threads that never start fail their tasks, and are replaced: %s', async (_label, pool) => {
  const app = await start({ maxThreads: 2, execArgv: preload, ...pool }, [ShortLimitModule]);
  const tasks = [app.runner.start(add, 1, 1), app.runner.start(add, 1, 2), app.runner.start(add, 1, 3)];
  for (const task of tasks) {
    expect(await task.settled()).toMatchObject({ status: 'failed', attempts: 1 });
    expect(task.error).toEqual(new TaskThreadError(threadNotReady('add', urlOf('math.task.ts'), LIMIT)));
  }
  app.open();
  await worksOn(app);
});

test('an application closes while a thread loads a file', async () => {
  const { app, runner, waiting } = await start();
  const task = runner.start(gated);
  await waiting();
  const closedAt = performance.now();
  await app.close();
  expect(performance.now() - closedAt).toBeLessThan(10_000);
  expect(await task.settled()).toMatchObject({
    status: 'cancelled',
    attempts: 0,
    error: { message: taskCancelled('gated', 'shutdown') },
  });
});

test('a task begins at once in a thread that has loaded its file', async () => {
  const { runner, open, free } = await start();
  open();
  expect(await runner.start(holdThread).settled()).toMatchObject({ status: 'completed' });
  const task = runner.start(gated);
  // The thread can send no message now.
  await running(task);
  free();
  expect(await task.settled()).toMatchObject({ status: 'completed', result: 'ran' });
});

test('a task begins in a thread that has loaded its file for another', async () => {
  const app = await start();
  expect(await app.runner.start(addTwice, 1, 2).settled()).toMatchObject({ result: 4 });
  const task = app.runner.start(blockForEver);
  await running(task);
  task.cancel();
  expect(await task.settled()).toMatchObject({ status: 'cancelled', attempts: 1 });
  await worksOn(app);
});

test('an attempt counts even if its file can’t be loaded', async () => {
  const { runner, events } = await start();
  const task = runner.with({ attempts: 3 }).start(broken);
  expect(await task.settled()).toMatchObject({
    status: 'failed',
    attempts: 3,
    error: { message: moduleNotLoaded('broken', urlOf('broken.task.ts')) },
  });
  expect(events.map(({ type }) => type)).toEqual([
    'added',
    'started',
    'retrying',
    'started',
    'retrying',
    'started',
    'failed',
  ]);
});

test('a subscriber cancels a task when an attempt failed before it began', async () => {
  const app = await start();
  const cancelled: boolean[] = [];
  app.runner.events.subscribe(({ type }) => void (type === 'started' && cancelled.push(task.cancel())));
  const task = app.runner.with({ attempts: 3 }).start(broken);
  expect(await task.settled()).toMatchObject({ status: 'cancelled', attempts: 1 });
  expect(cancelled).toEqual([true]);
  expect(app.runner.stats()).toMatchObject({ running: 0, cancelled: 1 });
});

test('a subscriber cancels the first task of a thread when it begins', async () => {
  const app = await start();
  const subscription = app.runner.events.subscribe(({ type }) => void (type === 'started' && task.cancel()));
  const task = app.runner.start(add, 1, 2);
  expect(await task.settled()).toMatchObject({ status: 'cancelled', attempts: 1 });
  expect(app.runner.stats()).toMatchObject({ running: 0, cancelled: 1 });
  subscription.unsubscribe();
  await worksOn(app);
});

test('the time for which this process is blocked does not count as loading', { timeout: 60_000 }, async () => {
  // Far longer than a thread takes to start on a busy machine.
  const limit = 10_000;
  @Global()
  @Module({ providers: [{ provide: THREAD_LOAD_LIMIT, useValue: limit }], exports: [THREAD_LOAD_LIMIT] })
  class LimitModule {}
  const { runner, open } = await start({}, [LimitModule]);
  open();
  const task = runner.start(add, 1, 2);
  await expect.poll(() => runner.stats().threads.alive).toBe(1);
  const end = performance.now() + limit;
  while (performance.now() < end);
  expect(await task.settled()).toMatchObject({ status: 'completed', result: 3 });
});
