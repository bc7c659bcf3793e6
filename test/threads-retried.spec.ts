import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { add, blockForEver, ignoreAbort } from './fixtures/threads/math.task.ts';
import { startApp } from './fixtures/start-app.ts';

test.each([
  ['is killed at once', blockForEver],
  ['has read its signal', ignoreAbort],
])('the next attempt has a timeout too while the thread of the last one ends: %s', async (_label, fn) => {
  const { runner } = await startApp({}, { pool: { maxThreads: 2 } });
  await runner.start(add, 1, 2).settled();
  let most = 0;
  runner.events.subscribe(() => (most = Math.max(most, runner.stats().threads.alive)));
  const task = runner.with({ attempts: 4, timeout: 300 }).start(fn as () => unknown);
  const settled = await Promise.race([task.settled(), sleep(20_000, undefined, { ref: false })]);
  expect(settled).toMatchObject({ status: 'failed', attempts: 4, error: { name: 'TaskTimeoutError' } });
  await expect.poll(() => runner.stats().threads.busy).toBe(0);
  expect(most).toBeLessThanOrEqual(2);
  expect(await Promise.all([1, 2, 3].map((n) => runner.start(add, n, n).settled()))).toHaveLength(3);
});
