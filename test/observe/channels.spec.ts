import { AsyncLocalStorage } from 'node:async_hooks';
import { channel, tracingChannel } from 'node:diagnostics_channel';
import { Controller, Get, Param } from '@nestjs/common';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import {
  type BackgroundTasks,
  currentTask,
  type TaskAddMessage,
  type TaskAttemptMessage,
  type TaskRecord,
  TaskRegistry,
  type TaskStepMessage,
  Tasks,
  TaskTimeoutError,
} from 'nestjs-background-tasks';
import { subscriberThrew } from '../../lib/engine/engine.messages.ts';
import { startApp } from '../fixtures/start-app.ts';
import { subscribeTo, subscribeToSteps } from '../fixtures/subscribe.ts';
import { broken } from '../fixtures/threads/broken.task.ts';
import { observed } from '../fixtures/threads/observed.task.ts';

const uncaught: unknown[] = [];
const onUncaught = (error: unknown) => void uncaught.push(error);

beforeEach(() => process.on('uncaughtException', onUncaught));

afterEach(async () => {
  // Node throws the errors of subscribers in a later turn.
  await new Promise((resolve) => setTimeout(resolve, 5));
  process.off('uncaughtException', onUncaught);
  expect(uncaught).toEqual([]);
});

const boom = () => {
  throw new Error('boom');
};

test('add: a message when a task is added, which then has the task', async () => {
  const { runner } = await startApp({});
  const told: unknown[] = [];
  subscribeTo<TaskAddMessage>('add', (part, { name, target, id, task, options }) =>
    told.push({ part, name, target, id, status: task?.status, attempts: options.attempts }),
  );
  const task = runner.with({ name: 'mail', attempts: 2 }).start((_password: string) => undefined, 'secret');
  expect(told).toEqual([
    { part: 'start', name: 'mail', target: 'event-loop', id: undefined, status: undefined, attempts: 2 },
    { part: 'end', name: 'mail', target: 'event-loop', id: task.id, status: 'pending', attempts: 2 },
  ]);
});

test('add: a refused task has an error and no task', async () => {
  const { runner } = await startApp({}, { maxPending: 1 });
  const told: unknown[] = [];
  runner.with({ delay: 60_000 }).start(() => undefined);
  subscribeTo<TaskAddMessage>('add', (part, { error, task }) => told.push([part, (error as Error)?.name, task]));
  expect(() => runner.start(() => undefined)).toThrow();
  expect(told).toEqual([
    ['start', undefined, undefined],
    ['error', 'TooManyTasksError', undefined],
    ['end', 'TooManyTasksError', undefined],
  ]);
});

test('attempt: a message for each attempt, with what it threw', async () => {
  const { runner } = await startApp({});
  const told: unknown[] = [];
  subscribeTo<TaskAttemptMessage>('attempt', (part, it) =>
    told.push([part, it.attempt, it.task.status, (it.error as Error | undefined)?.message]),
  );
  const task = runner.with({ name: 'mail', attempts: 2 }).start(async () => {
    await Promise.resolve();
    if (currentTask()!.attempt === 1) {
      throw new Error('no');
    }
  });
  await task.settled();
  expect(told).toEqual([
    ['start', 1, 'running', undefined],
    ['end', 1, 'running', undefined],
    ['error', 1, 'running', 'no'],
    ['asyncStart', 1, 'running', 'no'],
    ['asyncEnd', 1, 'running', 'no'],
    ['start', 2, 'running', undefined],
    ['end', 2, 'running', undefined],
    ['asyncStart', 2, 'running', undefined],
    ['asyncEnd', 2, 'running', undefined],
  ]);
});

test('attempt: a bound store is active in the function, for sync and async functions and Observables', async () => {
  const { runner } = await startApp({});
  const storage = new AsyncLocalStorage<unknown>();
  const { start } = tracingChannel('nestjs-background-tasks.attempt');
  start.bindStore(storage, (message) => (message as TaskAttemptMessage).name);
  const seen = new Set<unknown>();
  const tasks = [
    runner.with({ name: 'sync' }).start(() => void seen.add(storage.getStore())),
    runner.with({ name: 'async' }).start(async () => {
      await new Promise(setImmediate);
      seen.add(storage.getStore());
    }),
  ];
  await Promise.all(tasks.map((task) => task.settled()));
  start.unbindStore(storage);
  expect(seen).toEqual(new Set(['async', 'sync']));
  expect(storage.getStore()).toBeUndefined();
});

test('attempt: an attempt that times out or is cancelled has that error', async () => {
  const { runner } = await startApp({});
  const errors: unknown[] = [];
  subscribeTo<TaskAttemptMessage>('attempt', (part, { error }) => part === 'error' && errors.push(error));
  const forever = () => new Promise(() => undefined);
  const [late, cancelled] = [runner.with({ timeout: 5 }).start(forever), runner.start(forever)];
  await late.settled();
  await expect.poll(() => cancelled.status).toBe('running');
  cancelled.cancel();
  await cancelled.settled();
  expect(errors).toEqual([expect.any(TaskTimeoutError), expect.objectContaining({ name: 'TaskCancelledError' })]);
});

test('attempt: an attempt that can never begin is published with its error', async () => {
  const { runner } = await startApp({});
  const told: unknown[] = [];
  subscribeTo<TaskAttemptMessage>('attempt', (part, { error }) => told.push([part, (error as Error)?.name]));
  await runner.start(broken).settled();
  expect(told.map((it) => (it as string[])[0])).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd']);
  expect(told.at(-1)).toEqual(['asyncEnd', 'TaskThreadError']);
});

test('attempt: what a subscriber writes into the carrier is there in the thread, which publishes it too', async () => {
  const { runner } = await startApp({});
  const told: unknown[] = [];
  subscribeTo<TaskAttemptMessage>('attempt', (part, { carrier, runsIn, isInThread }) => {
    told.push([part, runsIn, isInThread]);
    carrier['traceparent'] = '00-1-2';
  });
  const { result, id } = (await runner.start(observed).settled()) as TaskRecord<TaskAttemptMessage>;
  expect(result).toMatchObject({
    id,
    name: 'observed',
    target: 'thread',
    runsIn: 'thread',
    attempt: 1,
    isInThread: true,
    carrier: { traceparent: '00-1-2' },
    task: { id, name: 'observed' },
  });
  expect(told).toEqual(['start', 'end', 'asyncStart', 'asyncEnd'].map((part) => [part, 'thread', false]));
});

test('step: what the events have, with the target, and without the result', async () => {
  const { runner } = await startApp({});
  const told: unknown[] = [];
  subscribeToSteps((message) => {
    const { type, target, id, task } = message;
    told.push({ type, target, status: task.status, isSame: id === task.id, result: task.result });
    if (type === 'started') {
      expect(message.wait).toEqual(expect.any(Number));
    }
  });
  await runner.start(() => 'secret').settled();
  const common = { target: 'event-loop', isSame: true, result: undefined };
  expect(told).toEqual([
    { ...common, type: 'added', status: 'pending' },
    { ...common, type: 'started', status: 'running' },
    { ...common, type: 'completed', status: 'completed' },
  ]);
});

test.each([
  [false, undefined, undefined],
  [true, ['secret'], 'secret too'],
])('messages have arguments and results: %s', async (shown, args, result) => {
  const { runner } = await startApp({}, { observe: { arguments: shown } });
  const messages: (TaskAddMessage | TaskAttemptMessage | TaskStepMessage)[] = [];
  subscribeTo<TaskAddMessage>('add', (_part, message) => messages.push(message));
  subscribeTo<TaskAttemptMessage>('attempt', (_part, message) => messages.push(message));
  subscribeToSteps((message) => messages.push(message));
  await runner.start((_password: string) => 'secret too', 'secret').settled();
  const given = messages.filter((message) => 'options' in message || 'attempt' in message);
  expect(given).toHaveLength(6);
  expect(given.map((message) => (message as TaskAddMessage).arguments)).toEqual(given.map(() => args));
  const ended = messages.find((message): message is TaskAttemptMessage => 'attempt' in message)!;
  expect(ended.result).toBe(result);
  expect(messages.at(-1)!.task!.result).toBe(result);
});

test.each(['add', 'attempt'] as const)('a subscriber of %s that throws is logged and hurts nobody', async (name) => {
  const { runner, log } = await startApp({});
  const after: string[] = [];
  subscribeTo(name, boom);
  subscribeTo(name, (part) => after.push(part));
  subscribeToSteps(boom);
  expect(await runner.start(() => 'done').settled()).toMatchObject({ status: 'completed', result: 'done' });
  expect(after).toContain('end');
  expect(log.said('error').map(({ message }) => message)).toContain(subscriberThrew());
});

test('a store that throws, or whose value throws, is logged, and the task runs once', async () => {
  const { runner, log } = await startApp({});
  const { start } = tracingChannel('nestjs-background-tasks.attempt');
  const stores = [new AsyncLocalStorage(), Object.assign(new AsyncLocalStorage(), { run: boom })];
  start.bindStore(stores[0]!, boom);
  start.bindStore(stores[1]!);
  let runs = 0;
  await runner.start(() => void runs++).settled();
  stores.forEach((store) => start.unbindStore(store));
  expect(runs).toBe(1);
  expect(log.said('error').filter(({ message }) => message === subscriberThrew())).toHaveLength(2);
});

test('a subscriber that returns a promise that rejects is logged too', async () => {
  const { runner, log } = await startApp({});
  const unhandled: unknown[] = [];
  const onUnhandled = (error: unknown) => void unhandled.push(error);
  process.on('unhandledRejection', onUnhandled);
  onTestFinished(() => void process.off('unhandledRejection', onUnhandled));
  const steps = channel('nestjs-background-tasks.step');
  const rejecting = () => Promise.reject(new Error('boom'));
  steps.subscribe(rejecting);
  onTestFinished(() => {
    steps.unsubscribe(rejecting);
  });
  await runner.start(() => undefined).settled();
  await expect.poll(() => log.said('error').filter(({ message }) => message === subscriberThrew())).toHaveLength(3);
  await new Promise(setImmediate);
  expect(unhandled).toEqual([]);
});

test('a store that calls what it is given later, or twice, runs the task once', async () => {
  const { runner } = await startApp({});
  const { start } = tracingChannel('nestjs-background-tasks.attempt');
  const later: (() => void)[] = [];
  const twice = (_value: unknown, fn: () => void) => [fn, fn].forEach((it) => it());
  const stores = [(_value: unknown, fn: () => void) => void later.push(fn), twice].map((run) =>
    Object.assign(new AsyncLocalStorage(), { run }),
  );
  stores.forEach((store) => start.bindStore(store));
  let runs = 0;
  await runner.start(() => void runs++).settled();
  stores.forEach((store) => start.unbindStore(store));
  expect(later).toHaveLength(1);
  later.forEach((fn) => fn());
  expect(runs).toBe(1);
});

test('a subscriber can end itself, subscribe another and add a task', async () => {
  const { runner } = await startApp({});
  const steps = channel('nestjs-background-tasks.step');
  const heard: string[] = [];
  const second = (message: unknown) => void heard.push(`second ${(message as TaskStepMessage).name}`);
  const first = (message: unknown) => {
    heard.push(`first ${(message as TaskStepMessage).name}`);
    steps.unsubscribe(first);
    steps.subscribe(second);
    runner.with({ name: 'inner' }).start(() => undefined);
  };
  steps.subscribe(first);
  onTestFinished(() => {
    steps.unsubscribe(second);
  });
  await runner
    .with({ name: 'outer' })
    .start(() => undefined)
    .settled();
  await runner.drain();
  expect(heard.filter((it) => it === 'first outer')).toHaveLength(1);
  expect(heard.filter((it) => it === 'second inner')).toHaveLength(3);
  expect(heard.filter((it) => it === 'second outer')).toHaveLength(2);
});

test('a subscriber that was there before the package is guarded too', async () => {
  const { runner } = await startApp({});
  const { guardedChannel } = await import('../../lib/observe/guarded-channel.ts');
  const before = channel('nestjs-background-tasks.test');
  before.subscribe(boom);
  guardedChannel('nestjs-background-tasks.test').publish({});
  before.unsubscribe(boom);
  expect(before.hasSubscribers).toBe(false);
  await runner.drain();
});

@Controller('orders')
class OrdersController {
  @Get(':id')
  order(@Param('id') id: string, @Tasks() tasks: BackgroundTasks) {
    return tasks.addTask((_id: string) => undefined, id);
  }
}

test('the route of the request is in events and messages, and not in what a client gets', async () => {
  const { app, url, runner } = await startApp({ controllers: [OrdersController] });
  const routes: unknown[] = [];
  subscribeToSteps(({ task }) => routes.push(task.route));
  const answer = (await (await fetch(`${url}/orders/17?token=secret`)).json()) as TaskRecord;
  await runner.drain();
  expect(answer).not.toHaveProperty('route');
  expect(new Set(routes)).toEqual(new Set(['GET /orders/:id']));
  const registry = app.get(TaskRegistry);
  for (const record of [await registry.get(answer.id), ...(await registry.list())]) {
    expect(record).toMatchObject({ id: answer.id, status: 'completed' });
    expect(record).not.toHaveProperty('route');
  }
});
