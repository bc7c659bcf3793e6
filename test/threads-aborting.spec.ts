import { Controller, Get } from '@nestjs/common';
import { beforeEach, expect, test } from 'vitest';
import {
  BackgroundTasks,
  Tasks,
  TaskTimeoutError,
  ShuttingDownError,
  TooManyTasksError,
} from 'nestjs-background-tasks';
import { taskCancelled, taskTimedOut } from '../lib/errors/task.errors.ts';
import { tooManyForThreads } from '../lib/threads/threads.messages.ts';
import { add, block, blockForEver, ignoreAbort, untilAborted } from './fixtures/threads/math.task.ts';
import { running } from './fixtures/running.ts';
import { startApp, type StartedApp } from './fixtures/start-app.ts';

let app: StartedApp;

beforeEach(async () => {
  app = await startApp({}, { onFailure: 'continue', pool: { maxThreads: 1 } });
});

const worksOn = async () =>
  expect(await app.runner.start(add, 1, 2).settled()).toMatchObject({ status: 'completed', result: 3 });

test('a task that loops for ever is killed when its time is up, and those behind it run', async () => {
  const looping = app.runner.with({ timeout: 50 }).start(blockForEver);
  const next = app.runner.start(add, 1, 2);
  expect(await looping.settled()).toMatchObject({
    status: 'failed',
    error: { name: 'TaskTimeoutError', message: taskTimedOut('blockForEver', 50) },
  });
  expect(looping.error).toBeInstanceOf(TaskTimeoutError);
  expect(await next.settled()).toMatchObject({ status: 'completed', result: 3 });
});

test('the time of a task begins when a thread has taken it', async () => {
  const first = app.runner.start(block, 300);
  const second = app.runner.with({ timeout: 250 }).start(add, 1, 2);
  expect(await second.settled()).toMatchObject({ status: 'completed' });
  expect(first.status).toBe('completed');
});

test('a task that is cancelled while it waits for a thread never runs', async () => {
  const first = app.runner.start(blockForEver);
  await running(first);
  const waiting = app.runner.start(add, 1, 1);
  // The task has left its list and waits for a thread.
  await new Promise(setImmediate);
  expect(waiting.status).toBe('pending');
  expect(waiting.cancel()).toBe(true);
  expect(await waiting.settled()).toMatchObject({
    status: 'cancelled',
    error: { name: 'TaskCancelledError', message: taskCancelled('add', 'requested') },
  });
  expect(waiting.startedAt).toBeUndefined();
  expect(waiting.cancel()).toBe(false);
  first.cancel();
  await worksOn();
});

test('a task that is cancelled while it runs is killed', async () => {
  const task = app.runner.start(blockForEver);
  await running(task);
  expect(task.cancel()).toBe(true);
  expect(await task.settled()).toMatchObject({ status: 'cancelled' });
  await worksOn();
});

test('a task that has read its signal ends by itself', async () => {
  const task = app.runner.start(untilAborted);
  await expect.poll(() => task.progress, { timeout: 10_000 }).toBe(1);
  task.cancel();
  await task.settled();
  expect(task.status).toBe('cancelled');
  expect(task.progress).toEqual({ name: 'TaskCancelledError', message: taskCancelled('untilAborted', 'requested') });
  await worksOn();
});

test('a task that has read its signal and goes on is killed a moment later', async () => {
  const task = app.runner.start(ignoreAbort);
  await expect.poll(() => task.progress, { timeout: 10_000 }).toBe(1);
  task.cancel();
  expect(await task.settled()).toMatchObject({ status: 'cancelled' });
  await worksOn();
});

test('more tasks than may wait are refused where they are added: 503', async () => {
  const thrown: unknown[] = [];
  @Controller()
  class FullController {
    @Get()
    get(@Tasks() tasks: BackgroundTasks) {
      for (let i = 0; i < 3; i++) {
        tasks.addTask(add, i, i);
      }
      try {
        tasks.addTask(add, 3, 3);
      } catch (error) {
        thrown.push(error);
      }
      tasks.addTask(add, 4, 4);
    }
  }
  const { url, runner } = await startApp(
    { controllers: [FullController] },
    { runOn: 'always', pool: { maxThreads: 1, maxQueue: 2 } },
  );
  const response = await fetch(url);
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ statusCode: 503, message: 'Service Unavailable' });
  expect(thrown).toEqual([new TooManyTasksError(tooManyForThreads('add', 1, 2))]);
  await runner.drain();
  for (let i = 0; i < 3; i++) {
    runner.start(add, i, i);
  }
  expect(() => runner.start(add, 3, 3)).toThrow(TooManyTasksError);
  await runner.drain();
});

test('a place is given back by tasks that never run', async () => {
  const { runner } = await startApp({}, { pool: { maxThreads: 1, maxQueue: 0 } });
  for (let i = 0; i < 5; i++) {
    expect(runner.start(add, 1, 1).cancel()).toBe(true);
  }
  expect(await runner.start(add, 1, 1).settled()).toMatchObject({ status: 'completed' });
});

test('the threads are closed with the application, and what they had is cancelled', async () => {
  const busy = app.runner.start(blockForEver);
  await running(busy);
  const waiting = app.runner.start(add, 1, 1);
  await new Promise(setImmediate);
  await app.app.close();
  const message = (name: string) => taskCancelled(name, 'shutdown');
  expect(await busy.settled()).toMatchObject({ status: 'cancelled', error: { message: message('blockForEver') } });
  expect(await waiting.settled()).toMatchObject({ status: 'cancelled', error: { message: message('add') } });
  expect(() => app.runner.start(add, 1, 1)).toThrow(ShuttingDownError);
});
