import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { mock } from 'node:test';
import { setImmediate as realTurn, setTimeout as realSleep } from 'node:timers/promises';
import { Controller, Get } from '@nestjs/common';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { BackgroundTasks, currentTask, Tasks } from 'nestjs-background-tasks';
import { add } from './fixtures/threads/math.task.ts';
import { startApp } from './fixtures/start-app.ts';

interface Clock {
  name: string;
  stop(): void;
  moveOn(ms: number): void;
  restore(): void;
}

const vitestClock = (name: string, config?: NonNullable<Parameters<typeof vi.useFakeTimers>[0]>): Clock => ({
  name,
  stop: () => void vi.useFakeTimers(config),
  moveOn: (ms) => void vi.advanceTimersByTime(ms),
  restore: () => void vi.useRealTimers(),
});

const clocks: Clock[] = [
  vitestClock('vitest'),
  vitestClock('vitest, with queueMicrotask', {
    toFake: ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'performance', 'Date', 'hrtime'],
  }),
  {
    name: 'node:test',
    stop: () => mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'setImmediate', 'Date'], now: Date.now() }),
    moveOn: (ms) => mock.timers.tick(ms),
    restore: () => mock.timers.reset(),
  },
];

/** Not by `fetch`, which uses the timers that a test replaces. */
async function statusOf(url: string): Promise<number | undefined> {
  const request = get(url, { agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.resume();
  await once(response, 'end');
  return response.statusCode;
}

const turns = async () => {
  for (let i = 0; i < 5; i++) {
    await realTurn();
  }
};

const ran: string[] = [];

@Controller()
class ClockController {
  @Get()
  get(@Tasks() tasks: BackgroundTasks) {
    tasks.addTask(() => realSleep(5).then(() => ran.push('first')));
    tasks.addTask(() => ran.push('second'));
  }
}

describe.each(clocks)('while the fake timers of $name have stopped the clock', (clock) => {
  afterEach(() => clock.restore());

  test('the tasks of a request run after its response, and drain() waits for them', async () => {
    ran.length = 0;
    const { url, runner } = await startApp({ controllers: [ClockController] });
    clock.stop();
    expect(await statusOf(url)).toBe(200);
    await runner.drain();
    expect(ran).toEqual(['first', 'second']);
  });

  test('the limit of drain() is in real time', async () => {
    const { runner } = await startApp({});
    clock.stop();
    const task = runner.start(() => new Promise(() => undefined));
    await expect(runner.drain(20)).rejects.toThrow('20 ms');
    task.cancel();
  });

  test('a task runs in a thread', async () => {
    const { runner } = await startApp({});
    clock.stop();
    const tasks = [1, 2, 3].map((n) => runner.start(add, n, n));
    await runner.drain();
    expect(tasks.map(({ result }) => result)).toEqual([2, 4, 6]);
  });

  test('delay follows the clock of the test, from the moment in which the task is added', async () => {
    const { runner } = await startApp({});
    clock.stop();
    const task = runner.with({ delay: 60_000 }).start(() => 'done');
    clock.moveOn(1);
    await turns();
    clock.moveOn(59_998);
    await turns();
    expect(task.status).toBe('pending');
    clock.moveOn(1);
    await runner.drain();
    expect(task.result).toBe('done');
    // Before the task has had a turn in which to wait.
    const next = runner.with({ delay: 60_000 }).start(() => 'done');
    clock.moveOn(60_000);
    await runner.drain();
    expect(next.result).toBe('done');
  });

  test('backoff and timeout follow the clock of the test', async () => {
    const { runner } = await startApp({});
    clock.stop();
    const options = { attempts: 2, backoff: { type: 'fixed', delay: 30_000 }, timeout: 10_000 } as const;
    const signals: AbortSignal[] = [];
    const task = runner.with(options).start(() => {
      signals.push(currentTask()!.signal);
      return signals.length === 1 ? new Promise(() => undefined) : 'done';
    });
    await turns();
    clock.moveOn(9_999);
    await turns();
    expect(signals[0]!.aborted).toBe(false);
    clock.moveOn(1);
    await turns();
    expect(signals[0]!.reason).toMatchObject({ name: 'TaskTimeoutError' });
    clock.moveOn(29_999);
    await turns();
    expect(task.status).toBe('pending');
    clock.moveOn(1);
    await runner.drain();
    expect(task).toMatchObject({ status: 'completed', result: 'done', attempts: 2 });
  });

  test('times of a handle are those of the test', async () => {
    const { runner } = await startApp({});
    clock.stop();
    const start = Date.now();
    const task = runner.start(() => clock.moveOn(5_000));
    await runner.drain();
    expect([task.createdAt, task.startedAt, task.finishedAt].map(Number)).toEqual([start, start, start + 5_000]);
  });

  test('an application closes, and cancels the tasks that wait for the clock', async () => {
    const { app, runner } = await startApp({}, { shutdownTimeout: 600_000 });
    clock.stop();
    const finished = runner.start(() => realSleep(20));
    const delayed = runner.with({ delay: 1_000 }).start(() => undefined);
    await turns();
    await app.close();
    expect([finished.status, delayed.status]).toEqual(['completed', 'cancelled']);
  });

  test('what waits on a clock that has been put back is cancelled when the application closes', async () => {
    const { app, runner } = await startApp({}, { shutdownTimeout: 600_000 });
    clock.stop();
    const task = runner
      .with({ attempts: 2, backoff: { type: 'fixed', delay: 1_000 } })
      .start(() => Promise.reject(new Error('boom')));
    await turns();
    clock.restore();
    await app.close();
    expect(task).toMatchObject({ status: 'cancelled', attempts: 1 });
  });

  test('a delay that began before is not cut short, and one that began on it starts anew', async () => {
    const { runner } = await startApp({});
    const before = runner.with({ delay: 1_000 }).start(() => 'done');
    clock.stop();
    await turns();
    expect(before.status).toBe('pending');
    clock.moveOn(1_000);
    await runner.drain();
    const on = runner.with({ delay: 500 }).start(() => 'done');
    const addedAt = performance.now();
    clock.restore();
    expect((await on.settled()).status).toBe('completed');
    expect(clock.name === 'node:test' ? performance.now() - addedAt : 500).toBeGreaterThan(490);
  });
});
