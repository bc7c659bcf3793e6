import { filter, firstValueFrom, map, take, toArray } from 'rxjs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { currentTask, type TaskEvent, type TaskRunner } from 'nestjs-background-tasks';
import { subscriberThrew } from '../lib/engine/engine.messages.ts';
import { startApp } from './fixtures/start-app.ts';

const uncaught: unknown[] = [];
const onUncaught = (error: unknown) => void uncaught.push(error);

beforeEach(() => process.on('uncaughtException', onUncaught));

afterEach(async () => {
  // RxJS throws the errors of subscribers in a timer.
  await new Promise((resolve) => setTimeout(resolve, 5));
  process.off('uncaughtException', onUncaught);
  expect(uncaught).toEqual([]);
});

test('each event has the record of that moment, and its times', async () => {
  const { runner } = await startApp({});
  const told = firstValueFrom(runner.events.pipe(take(5), toArray()));
  const task = runner.with({ name: 'watched', attempts: 1 }).start(async () => {
    currentTask()?.updateProgress(0.5);
    currentTask()?.updateProgress({ step: 'last' });
    return 'done';
  });
  const events = await told;
  const { id } = task;
  expect(events).toEqual([
    { type: 'added', task: { id, name: 'watched', status: 'pending', attempts: 0, createdAt: expect.any(String) } },
    {
      type: 'started',
      task: expect.objectContaining({ status: 'running', attempts: 1, startedAt: expect.any(String) }),
      wait: expect.any(Number),
    },
    { type: 'progress', task: expect.objectContaining({ progress: 0.5 }) },
    { type: 'progress', task: expect.objectContaining({ progress: { step: 'last' } }) },
    {
      type: 'completed',
      task: expect.objectContaining({ status: 'completed', result: 'done', finishedAt: expect.any(String) }),
      run: expect.any(Number),
    },
  ]);
});

test.each([
  ['itself', (events: TaskRunnerEvents, boom: () => never) => events.subscribe(boom)],
  ['as an observer', (events: TaskRunnerEvents, boom: () => never) => events.subscribe({ next: boom })],
  [
    'behind operators',
    (events: TaskRunnerEvents, boom: () => never) =>
      events
        .pipe(
          filter(() => true),
          map(({ type }) => type),
        )
        .subscribe(boom),
  ],
])('a subscriber that throws, %s, is logged and hurts nobody', async (_label, subscribe) => {
  const { runner, log } = await startApp({});
  const seen: string[] = [];
  runner.events.subscribe(({ type }) => seen.push(`before ${type}`));
  subscribe(runner.events, () => {
    throw new Error('boom');
  });
  runner.events.subscribe(({ type }) => seen.push(`after ${type}`));
  expect(await runner.start(() => 1).settled()).toMatchObject({ status: 'completed' });
  expect(seen).toEqual([
    'before added',
    'after added',
    'before started',
    'after started',
    'before completed',
    'after completed',
  ]);
  expect(log.said('error').map(({ message }) => message)).toEqual(Array(3).fill(subscriberThrew()));
});

test('an operator that throws ends only its own subscription, with its error', async () => {
  const { runner } = await startApp({});
  const errors: unknown[] = [];
  runner.events
    .pipe(
      map(() => {
        throw new Error('in an operator');
      }),
    )
    .subscribe({ error: (error: Error) => errors.push(error.message) });
  expect(await runner.start(() => 1).settled()).toMatchObject({ status: 'completed' });
  expect(errors).toEqual(['in an operator']);
});

test('all subscribers get events in the order in which they happened, even if one adds a task', async () => {
  const { runner } = await startApp({});
  const seen: string[] = [];
  runner.events.subscribe(({ type, task }) => {
    if (type === 'completed' && task.name === 'first') {
      runner.with({ name: 'second' }).start(() => undefined);
    }
  });
  runner.events.subscribe(({ type, task }) => seen.push(`${task.name} ${type}`));
  runner.with({ name: 'first' }).start(() => undefined);
  await runner.drain();
  expect(seen).toEqual(
    ['first', 'second'].flatMap((name) => ['added', 'started', 'completed'].map((type) => `${name} ${type}`)),
  );
});

test('a subscriber that has unsubscribed gets nothing', async () => {
  const { runner } = await startApp({});
  const seen: TaskEvent[] = [];
  runner.events.subscribe((event) => seen.push(event)).unsubscribe();
  await runner.start(() => undefined).settled();
  expect(seen).toEqual([]);
});

test('subscribers hear of the tasks of providers that close', async () => {
  class Closing {
    readonly seen: string[] = [];
    runner?: TaskRunner;

    onModuleDestroy() {
      this.runner!.with({ name: 'last' }).start(() => new Promise((resolve) => setTimeout(resolve, 50)));
    }
  }
  const { app, runner } = await startApp({ providers: [Closing] }, { shutdownTimeout: 10_000 });
  const seen: string[] = [];
  let isComplete = false;
  runner.events.subscribe({
    next: ({ type, task }) => seen.push(`${task.name} ${type}`),
    complete: () => (isComplete = true),
  });
  app.get(Closing).runner = runner;
  await app.close();
  expect(seen).toEqual(['last added', 'last started', 'last completed']);
  expect(isComplete).toBe(true);
  let isLate = false;
  runner.events.subscribe({ complete: () => (isLate = true) });
  expect(isLate).toBe(true);
});

type TaskRunnerEvents = Awaited<ReturnType<typeof startApp>>['runner']['events'];
