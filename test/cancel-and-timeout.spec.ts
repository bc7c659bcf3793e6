import { Controller, Get } from '@nestjs/common';
import { Observable } from 'rxjs';
import { expect, test, vi } from 'vitest';
import { BackgroundTasks, currentTask, Tasks, type BackgroundTask } from 'nestjs-background-tasks';
import { taskCancelled, taskTimedOut } from '../lib/errors/task.errors.ts';
import { startApp } from './fixtures/start-app.ts';

const never = () => new Promise<void>(() => undefined);

let added: readonly BackgroundTask[];

@Controller()
class CancelController {
  @Get()
  get(@Tasks() tasks: BackgroundTasks) {
    tasks.addTask(() => 'first');
    tasks.addTask(() => 'second').cancel();
    tasks.addTask(() => 'third');
    added = tasks.tasks;
  }

  @Get('timeout')
  timeout(@Tasks() tasks: BackgroundTasks) {
    tasks.with({ timeout: 5, name: 'hung' }).addTask(never);
    tasks.addTask(() => 'second');
    added = tasks.tasks;
  }
}

test('a pending task that is cancelled never runs; those after it do', async () => {
  const { url, runner } = await startApp({ controllers: [CancelController] });
  await fetch(url);
  await runner.drain();
  expect(added.map(({ status, result }) => [status, result])).toEqual([
    ['completed', 'first'],
    ['cancelled', undefined],
    ['completed', 'third'],
  ]);
  expect(added[1]).toMatchObject({ startedAt: undefined });
});

test('a running task that is cancelled has its signal aborted', async () => {
  const { runner, log } = await startApp({});
  let reason: unknown;
  const events: string[] = [];
  runner.events.subscribe(({ type }) => events.push(type));
  const task = runner.with({ name: 'patient' }).start(async () => {
    const { signal } = currentTask()!;
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    ({ reason } = signal);
  });
  await expect.poll(() => task.status).toBe('running');
  expect(task.cancel()).toBe(true);
  expect(task.cancel()).toBe(false);
  expect(await task.settled()).toMatchObject({
    status: 'cancelled',
    error: { name: 'TaskCancelledError', message: taskCancelled('patient', 'requested') },
  });
  expect(task.cancel()).toBe(false);
  expect(reason).toBe(task.error);
  expect(events).toEqual(['added', 'started', 'cancelled']);
  expect(log.said('error')).toEqual([]);
});

test('a function that ignores its signal goes on unseen', async () => {
  const { runner } = await startApp({});
  let goOn!: () => void;
  const gate = new Promise<void>((resolve) => (goOn = resolve));
  let ended = false;
  const task = runner.start(async () => {
    await gate;
    currentTask()?.updateProgress(1);
    ended = true;
    throw new Error('nobody hears this');
  });
  await expect.poll(() => task.status).toBe('running');
  task.cancel();
  await task.settled();
  await runner.drain();
  goOn();
  await expect.poll(() => ended).toBe(true);
  expect(task).toMatchObject({ status: 'cancelled', progress: undefined });
});

test('a signal that is read too late is already aborted', async () => {
  const { runner } = await startApp({});
  let isAborted: boolean | undefined;
  const task = runner.start(async () => {
    task.cancel();
    isAborted = currentTask()?.signal.aborted;
  });
  await task.settled();
  expect(isAborted).toBe(true);
  expect(task.status).toBe('cancelled');
});

test('a task that cancels itself and never ends is cancelled', async () => {
  const { runner } = await startApp({});
  const task = runner.start((): Promise<void> => {
    task.cancel();
    return never();
  });
  expect(await task.settled()).toMatchObject({ status: 'cancelled' });
});

test('an attempt that runs out of time fails, and stops those after it', async () => {
  const { url, runner, log } = await startApp({ controllers: [CancelController] });
  await fetch(`${url}/timeout`);
  await runner.drain();
  expect(added.map(({ status }) => status)).toEqual(['failed', 'skipped']);
  expect(await added[0]?.settled()).toMatchObject({
    error: { name: 'TaskTimeoutError', message: taskTimedOut('hung', 5) },
  });
  expect(log.said('error')).toHaveLength(1);
});

test('a task that ends in time leaves no timer behind', async () => {
  const { runner } = await startApp({});
  const set = vi.spyOn(globalThis, 'setTimeout');
  const clear = vi.spyOn(globalThis, 'clearTimeout');
  await runner
    .with({ timeout: 1_000_000 })
    .start(() => 'done')
    .settled();
  // A count of all timers would include those of the test runner.
  const index = set.mock.calls.findIndex(([, ms]) => ms === 1_000_000);
  expect(index).not.toBe(-1);
  expect(clear).toHaveBeenCalledWith(set.mock.results[index]!.value);
  vi.restoreAllMocks();
});

test('a function is never called if a subscriber of started cancels its task', async () => {
  const { runner } = await startApp({});
  runner.events.subscribe(({ type }) => void (type === 'started' && task.cancel()));
  let calls = 0;
  const task = runner.start(() => void calls++);
  expect(await task.settled()).toMatchObject({ status: 'cancelled' });
  expect(calls).toBe(0);
});

test('an Observable is unsubscribed from when its time is up', async () => {
  const { runner } = await startApp({});
  let isTornDown = false;
  const task = runner.with({ timeout: 5 }).start(() => new Observable(() => () => void (isTornDown = true)));
  expect(await task.settled()).toMatchObject({ status: 'failed', error: { name: 'TaskTimeoutError' } });
  expect(isTornDown).toBe(true);
});
