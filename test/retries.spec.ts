import { Controller, Get } from '@nestjs/common';
import { beforeEach, expect, test, vi } from 'vitest';
import {
  BackgroundTasks,
  currentTask,
  Tasks,
  type BackgroundTask,
  type TaskEvent,
  type TaskOptions,
} from 'nestjs-background-tasks';
import { retryIfThrew, taskFailed } from '../lib/engine/engine.messages.ts';
import { backoffDelay } from '../lib/task/definition/backoff.ts';
import { MAX_DELAY } from '../lib/validation/option-rules.ts';
import { startApp, type StartedApp } from './fixtures/start-app.ts';

let tries: number[];

/** Fails a number of times, then returns the number of the attempt. */
function failing(times: number): () => number {
  return () => {
    const { attempt } = currentTask()!;
    tries.push(attempt);
    if (attempt <= times) {
      throw new Error(`try ${attempt}`);
    }
    return attempt;
  };
}

beforeEach(() => {
  tries = [];
});

/** Runs a test with fake timers. */
async function withFakeTimers(run: (app: StartedApp) => Promise<void>): Promise<void> {
  const app = await startApp({});
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] });
  try {
    await run(app);
  } finally {
    vi.useRealTimers();
  }
}

const turns = async () => {
  for (let i = 0; i < 5; i++) {
    await new Promise(setImmediate);
  }
};

test('a task that fails is retried up to its attempts', async () => {
  const { runner, log } = await startApp({});
  const events: TaskEvent[] = [];
  runner.events.subscribe((event) => events.push(event));
  const task = runner.with({ attempts: 3 }).start(failing(2));
  expect(await task.settled()).toMatchObject({ status: 'completed', attempts: 3, result: 3 });
  expect((await task.settled()).error).toBeUndefined();
  expect(tries).toEqual([1, 2, 3]);
  expect(events.map(({ type }) => type)).toEqual([
    'added',
    'started',
    'retrying',
    'started',
    'retrying',
    'started',
    'completed',
  ]);
  expect(events[2]?.task).toMatchObject({ status: 'pending', attempts: 1, error: { message: 'try 1' } });
  expect(log.said('error')).toEqual([]);
});

test('a task without an attempt left fails with its last error, which is logged once', async () => {
  const { runner, log } = await startApp({});
  const task = runner.with({ attempts: 3, name: 'hopeless' }).start(failing(5));
  expect(await task.settled()).toMatchObject({ status: 'failed', attempts: 3, error: { message: 'try 3' } });
  expect(log.said('error').map(({ message }) => message)).toEqual([taskFailed(task)]);
});

test.each<[string, TaskOptions['retryIf'], number]>([
  ['that says no', () => false, 1],
  ['that says no in time', async () => false, 1],
  ['that looks at the error', (error) => (error as Error).message === 'try 1', 2],
  ['that looks at the attempt', (_error, attempt) => attempt < 3, 3],
])('retryIf %s', async (_label, retryIf, expected) => {
  const { runner } = await startApp({});
  const task = runner.with({ attempts: 10, ...(retryIf && { retryIf }) }).start(failing(20));
  expect(await task.settled()).toMatchObject({ status: 'failed', attempts: expected });
});

test('a task whose retryIf throws fails with its own error', async () => {
  const { runner, log } = await startApp({});
  const task = runner
    .with({
      attempts: 3,
      retryIf: () => {
        throw new Error('no idea');
      },
    })
    .start(failing(5));
  expect(await task.settled()).toMatchObject({ status: 'failed', attempts: 1, error: { message: 'try 1' } });
  expect(log.said('error').map(({ message }) => message)).toEqual([retryIfThrew(task), taskFailed(task)]);
});

test('backoff lets time pass between attempts', () =>
  withFakeTimers(async ({ runner }) => {
    const task = runner.with({ attempts: 4, backoff: { type: 'exponential', delay: 1_000 } }).start(failing(3));
    await turns();
    for (const [tried, delay] of [
      [1, 1_000],
      [2, 2_000],
      [3, 4_000],
    ] as const) {
      expect(tries).toHaveLength(tried);
      expect(task.status).toBe('pending');
      expect(runner.stats()).toMatchObject({ pending: 1, running: 0, delayed: 1 });
      vi.advanceTimersByTime(delay - 1);
      await turns();
      expect(tries).toHaveLength(tried);
      vi.advanceTimersByTime(1);
      await turns();
    }
    expect(task).toMatchObject({ status: 'completed', result: 4 });
    expect(runner.stats()).toMatchObject({ pending: 0, delayed: 0, completed: 1 });
  }));

test('backoffDelay', () => {
  const fixed = { type: 'fixed', delay: 100 } as const;
  const exponential = { type: 'exponential', delay: 100 } as const;
  expect([1, 2, 3, 4].map((attempts) => backoffDelay(fixed, attempts))).toEqual([100, 100, 100, 100]);
  expect([1, 2, 3, 4].map((attempts) => backoffDelay(exponential, attempts))).toEqual([100, 200, 400, 800]);
  expect([0, 0.5, 1].map((random) => backoffDelay({ ...fixed, jitter: 0.5 }, 1, () => random))).toEqual([100, 75, 50]);
  expect(backoffDelay({ ...fixed, jitter: 1 }, 1, () => 1)).toBe(0);
  expect(backoffDelay(exponential, 1_000)).toBe(MAX_DELAY);
  expect(backoffDelay(undefined, 3)).toBe(0);
});

test('an attempt that runs out of time counts as failed, and each has its own time', async () => {
  const { runner } = await startApp({});
  const signals: AbortSignal[] = [];
  const task = runner.with({ attempts: 2, timeout: 5 }).start(async () => {
    signals.push(currentTask()!.signal);
    await new Promise(() => undefined);
  });
  expect(await task.settled()).toMatchObject({ status: 'failed', attempts: 2, error: { name: 'TaskTimeoutError' } });
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
  expect(signals[0]).not.toBe(signals[1]);
});

test('a task that is cancelled between attempts is not retried', () =>
  withFakeTimers(async ({ runner }) => {
    const task = runner.with({ attempts: 5, backoff: { type: 'fixed', delay: 1_000 } }).start(failing(5));
    await turns();
    expect(task.status).toBe('pending');
    expect(task.cancel()).toBe(true);
    expect(task.status).toBe('cancelled');
    expect(runner.stats()).toMatchObject({ pending: 0, delayed: 0, cancelled: 1 });
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(10_000);
    await turns();
    expect(tries).toEqual([1]);
  }));

let added: readonly BackgroundTask[];

@Controller()
class RetryController {
  @Get()
  get(@Tasks() tasks: BackgroundTasks) {
    tasks.with({ name: 'first', attempts: 3 }).addTask(failing(2));
    tasks.with({ name: 'second' }).addTask(() => void tries.push(0));
    added = tasks.tasks;
  }
}

test('a retried task keeps its place, and the next waits', async () => {
  const { url, runner } = await startApp({ controllers: [RetryController] });
  await fetch(url);
  await runner.drain();
  expect(tries).toEqual([1, 2, 3, 0]);
  expect(added.map(({ status }) => status)).toEqual(['completed', 'completed']);
});

test('defaults apply to all tasks of the application', async () => {
  const { runner } = await startApp({}, { defaults: { attempts: 2 } });
  expect(await runner.start(failing(1)).settled()).toMatchObject({ status: 'completed', attempts: 2 });
  expect(await runner.with({ attempts: 1 }).start(failing(1)).settled()).toMatchObject({
    status: 'failed',
    attempts: 1,
  });
});
