import { Controller, Get } from '@nestjs/common';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { BackgroundTasks, ShuttingDownError, Tasks, TooManyTasksError } from 'nestjs-background-tasks';
import { TaskEngine } from '../lib/engine/task-engine.ts';
import { Figures } from '../lib/observe/figures.ts';
import { RecentTimes } from '../lib/observe/recent-times.ts';
import type { BackgroundTask } from '../lib/task/handle/background-task.ts';
import { add } from './fixtures/threads/math.task.ts';
import { startApp } from './fixtures/start-app.ts';
import { Gate } from './fixtures/gate.ts';

@Controller()
class LateController {
  @Get()
  add(@Tasks() tasks: BackgroundTasks) {
    tasks.addTask(() => undefined);
  }
}

function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

describe('percentiles', () => {
  const percentilesOf = (values: readonly number[]) => {
    const times = new RecentTimes();
    values.forEach((value) => times.add(value, 0));
    return times.percentiles();
  };

  test('of no value are 0', () => {
    expect(percentilesOf([])).toEqual({ p50: 0, p95: 0, p99: 0, max: 0, count: 0 });
  });

  test('of one value are that value', () => {
    expect(percentilesOf([7_777_777])).toEqual({
      p50: 7_777_777,
      p95: 7_777_777,
      p99: 7_777_777,
      max: 7_777_777,
      count: 1,
    });
  });

  test('of short times are exact', () => {
    expect(percentilesOf(Array.from({ length: 50 }, (_, i) => i))).toEqual({
      p50: 24,
      p95: 47,
      p99: 49,
      max: 49,
      count: 50,
    });
  });

  test.each([1, 100, 3_600_000, 2 ** 32 - 1])('of times up to %i are at most 1/32 too high', (max) => {
    const values = Array.from({ length: 1_000 }, (_, i) => Math.floor(((i + 1) / 1_000) * max));
    const found = percentilesOf(values);
    expect(found).toMatchObject({ max, count: 1_000 });
    for (const [name, share] of [
      ['p50', 0.5],
      ['p95', 0.95],
      ['p99', 0.99],
    ] as const) {
      const exact = values[share * 1_000 - 1]!;
      expect(found[name]).toBeGreaterThanOrEqual(exact);
      expect(found[name]).toBeLessThanOrEqual(exact * (33 / 32));
    }
  });

  test('take any number: jobs of other programs can have any time', () => {
    const found = percentilesOf([NaN, -5, Infinity, 0.7]);
    expect(found).toMatchObject({ count: 4, p50: 0, max: 2 ** 32 - 1 });
  });

  test('forget what is older than ten minutes', () => {
    const times = new RecentTimes();
    times.add(9_000, 0);
    times.add(1, 299_999);
    times.add(2, 300_000);
    expect(times.percentiles()).toMatchObject({ count: 3, max: 9_000 });
    times.add(3, 600_000);
    expect(times.percentiles()).toMatchObject({ count: 2, max: 3 });
  });

  test('forget old values too after the clock was set back', () => {
    const times = new RecentTimes();
    const day = 86_400_000;
    times.add(9_000, day);
    times.add(1, 0);
    times.add(2, 300_000);
    times.add(3, 600_000);
    expect(times.percentiles()).toMatchObject({ count: 2, max: 3 });
  });

  test('keep the latest of a rare task', () => {
    const times = new RecentTimes();
    for (let day = 0; day < 5; day++) {
      times.add(day, day * 86_400_000);
    }
    expect(times.percentiles()).toEqual({ p50: 3, p95: 4, p99: 4, max: 4, count: 2 });
  });
});

describe('on a clock of the test', () => {
  afterEach(() => void vi.useRealTimers());

  test('stats() tells how long tasks waited and ran, by name', async () => {
    const { runner } = await startApp({});
    vi.useFakeTimers({ now: 0, toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
    const nap = runner.with({ name: 'nap', delay: 300 }).start(sleep, 2_000);
    const fail = runner.with({ name: 'fail' }).start(() => {
      throw new Error('no');
    });
    await fail.settled();
    await vi.advanceTimersByTimeAsync(300);
    await vi.waitFor(() => expect(nap.status).toBe('running'));
    await vi.advanceTimersByTimeAsync(2_000);
    await nap.settled();
    const none = { p50: 0, p95: 0, p99: 0, max: 0, count: 1 };
    expect(runner.stats().byName).toEqual({
      nap: {
        completed: 1,
        failed: 0,
        cancelled: 0,
        skipped: 0,
        wait: { ...none, p50: 300, p95: 300, p99: 300, max: 300 },
        run: { ...none, p50: 2_000, p95: 2_000, p99: 2_000, max: 2_000 },
        blocked: expect.any(Number),
      },
      fail: { completed: 0, failed: 1, cancelled: 0, skipped: 0, wait: none, run: none, blocked: expect.any(Number) },
    });
  });
});

test('a task that never began has no times', async () => {
  const { runner } = await startApp({});
  runner
    .with({ name: 'later', delay: 100_000 })
    .start(() => undefined)
    .cancel();
  expect(runner.stats().byName).toMatchObject({ later: { cancelled: 1, wait: { count: 0 }, run: { count: 0 } } });
});

test('of a task that is retried, the wait is that for the first attempt, and the end counts once', async () => {
  const { runner } = await startApp({});
  runner.with({ name: 'flaky', attempts: 3 }).start(() => {
    throw new Error('no');
  });
  await runner.drain();
  expect(runner.stats().byName['flaky']).toMatchObject({ failed: 1, wait: { count: 1 }, run: { count: 1 } });
});

test('stats() tells for how long the calls of each name kept the event loop busy', async () => {
  const { runner } = await startApp({}, { blockingThreshold: 0 });
  runner.with({ name: 'busy' }).start(block, 30);
  runner.with({ name: 'busy' }).start(block, 20);
  runner.with({ name: 'idle' }).start(() => new Promise((resolve) => setTimeout(resolve, 60)));
  await runner.drain();
  const { busy, idle } = runner.stats().byName;
  expect(busy!.blocked).toBeGreaterThanOrEqual(50);
  expect(idle!.run.max).toBeGreaterThanOrEqual(55);
  expect(idle!.blocked).toBeLessThan(busy!.blocked);
});

test('from 1,000 names on, the others are counted together', () => {
  const figures = new Figures();
  for (let i = 0; i < 1_500; i++) {
    figures.blocked(`name ${i}`, 1);
  }
  figures.blocked('name 0', 1);
  figures.stepped({ name: 'name 1400', isSettled: true } as BackgroundTask, 'skipped');
  const byName = figures.toObject();
  expect(Object.keys(byName)).toHaveLength(1_001);
  expect(byName['name 0']!.blocked).toBe(2);
  expect(byName['(other)']).toMatchObject({ blocked: 500, skipped: 1 });
});

test('stats() counts the tasks that are refused', async () => {
  const { app, runner } = await startApp({}, { maxPending: 1 });
  const gate = new Gate();
  onTestFinished(() => gate.open());
  expect(runner.stats().refused).toBe(0);
  runner.start(() => gate.opened);
  expect(() => runner.start(() => undefined)).toThrow(TooManyTasksError);
  expect(() => runner.start(() => undefined)).toThrow(TooManyTasksError);
  expect(runner.stats().refused).toBe(2);
  gate.open();
  await app.close();
  expect(() => runner.start(() => undefined)).toThrow(ShuttingDownError);
  expect(runner.stats().refused).toBe(3);
});

test('stats() counts the tasks that the threads refuse, and those of requests that come too late', async () => {
  const { app, runner, url } = await startApp(
    { controllers: [LateController] },
    { pool: { maxThreads: 1, maxQueue: 0 } },
  );
  runner.start(add, 1, 2);
  expect(() => runner.start(add, 1, 2)).toThrow(TooManyTasksError);
  expect(runner.stats().refused).toBe(1);
  await runner.drain();
  app.get(TaskEngine, { strict: false }).stopAdmitting(Infinity);
  expect((await fetch(url)).status).toBe(503);
  expect(runner.stats().refused).toBe(2);
});
