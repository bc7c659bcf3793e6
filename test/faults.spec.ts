import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { taskFailed } from '../lib/engine/engine.messages.ts';
import { startApp } from './fixtures/start-app.ts';

const unspeakable = {
  toString() {
    throw new Error('not to be said');
  },
  [Symbol.toPrimitive]() {
    throw new Error('not to be said');
  },
};

test.each([
  ['an object without words', unspeakable],
  ['an error without a message', Object.assign(new Error('lost'), { message: unspeakable })],
  ['null', null],
  ['a symbol', Symbol('reason')],
  ['a revoked proxy', (({ proxy, revoke }) => (revoke(), proxy))(Proxy.revocable({}, {}))],
])('whatever is thrown is logged, recorded, and stops nobody else: %s', async (_label, thrown) => {
  const { runner, log } = await startApp({});
  const task = runner.start(() => {
    throw thrown;
  });
  expect(await task.settled()).toMatchObject({ status: 'failed', error: { message: expect.any(String) } });
  expect(JSON.parse(JSON.stringify(task))).toMatchObject({ status: 'failed' });
  expect(log.said('error').map(({ message }) => message)).toEqual([taskFailed(task)]);
  expect(await runner.start(() => 'goes on').settled()).toMatchObject({ status: 'completed' });
});

test('a clock that jumps changes no waiting time, and makes no time negative', async () => {
  const { runner } = await startApp({});
  const times: number[] = [];
  runner.events.subscribe((event) => {
    times.push(...('wait' in event ? [event.wait!] : []), ...('run' in event ? [event.run!] : []));
  });
  vi.useFakeTimers({ toFake: ['Date'] });
  try {
    const begunAt = performance.now();
    const task = runner.with({ delay: 100 }).start(() => sleep(5));
    vi.setSystemTime(Date.now() - 3_600_000);
    await task.settled();
    expect(performance.now() - begunAt).toBeLessThan(10_000);
    const next = runner.with({ delay: 100 }).start(() => sleep(5));
    const addedAt = performance.now();
    vi.setSystemTime(Date.now() + 7_200_000);
    await next.settled();
    expect(performance.now() - addedAt).toBeGreaterThan(90);
  } finally {
    vi.useRealTimers();
  }
  expect(times).toHaveLength(4);
  expect(times.every((time) => time >= 0)).toBe(true);
});

test('a promise that a task doesn’t await is an unhandled rejection of the application', async () => {
  const { runner, log } = await startApp({});
  const unhandled: unknown[] = [];
  const listener = (reason: unknown) => unhandled.push(reason);
  const others = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection').on('unhandledRejection', listener);
  try {
    const forgotten = new Error('forgotten');
    const task = runner.start(() => void Promise.reject(forgotten));
    expect(await task.settled()).toMatchObject({ status: 'completed' });
    await expect.poll(() => unhandled).toEqual([forgotten]);
    expect(log.said('error')).toEqual([]);
  } finally {
    process.off('unhandledRejection', listener);
    others.forEach((other) => process.on('unhandledRejection', other));
  }
});
