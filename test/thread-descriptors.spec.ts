import { existsSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { blockForEver } from './fixtures/threads/math.task.ts';
import { startApp } from './fixtures/start-app.ts';

const FOLDER = '/proc/self/fd';
const ROUNDS = 30;

/** How many descriptors may be open for other reasons. Without care, most rounds leak one or more. */
const MARGIN = 8;

const descriptors = () => readdirSync(FOLDER).length;

/** ms from the start of a task until it runs, in a thread that starts for it. */
async function timeToLoad(): Promise<number> {
  const { app, runner } = await startApp({}, { shutdownTimeout: 1, pool: { maxThreads: 1 } });
  const start = performance.now();
  const task = runner.start(blockForEver);
  await expect.poll(() => task.status, { interval: 5, timeout: 20_000 }).toBe('running');
  task.cancel();
  await app.close();
  return performance.now() - start;
}

test.runIf(existsSync(FOLDER)).each([
  ['its task is cancelled', false],
  ['the application closes', true],
])('a thread leaks no file descriptor if it loads files when %s', { timeout: 120_000 }, async (_label, closes) => {
  const whole = await timeToLoad();
  let current = await startApp({}, { shutdownTimeout: 1, pool: { maxThreads: 1 } });
  const before = descriptors();
  for (let round = 1; round <= ROUNDS; round++) {
    const task = current.runner.start(blockForEver);
    // Each round at another point of the way.
    await sleep((whole * round) / ROUNDS);
    if (closes) {
      await current.app.close();
      current = await startApp({}, { shutdownTimeout: 1, pool: { maxThreads: 1 } });
    }
    task.cancel();
    expect(await task.settled()).toMatchObject({ status: 'cancelled' });
  }
  await current.app.close();
  expect(descriptors() - before).toBeLessThan(MARGIN);
});
