import { expect, test } from 'vitest';
import { startApp } from './fixtures/start-app.ts';

function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

async function blockBeforeAwait(ms: number): Promise<void> {
  block(ms);
  await new Promise(setImmediate);
}

test('the log warns once, by name, of a task that blocks the event loop', async () => {
  const { runner, log } = await startApp({}, { blockingThreshold: 20 });
  runner.start(block, 25);
  runner.start(block, 25);
  runner.start(blockBeforeAwait, 25);
  runner.start(async () => {
    await new Promise((resolve) => setTimeout(resolve, 40));
  });
  runner.with({ name: 'quick' }).start(block, 0);
  await runner.drain();
  const said = log.said('warn').map(({ message }) => message);
  expect(said).toHaveLength(2);
  expect(said[0]).toMatch(/^Task "block" blocked the event loop for \d{2,} ms \(blockingThreshold: 20\)/);
  expect(said[1]).toMatch(/^Task "blockBeforeAwait" blocked the event loop for \d{2,} ms/);
});

test('the warning has the option name', async () => {
  const { runner, log } = await startApp({}, { blockingThreshold: 5 });
  runner.with({ name: 'resize' }).start(block, 10);
  await runner.drain();
  expect(log.said('warn')[0]?.message).toMatch(/^Task "resize" /);
});

test('functions without a name each get a warning', async () => {
  const { runner, log } = await startApp({}, { blockingThreshold: 5 });
  runner.start(() => block(10));
  runner.start(() => block(11));
  await runner.drain();
  expect(log.said('warn')).toHaveLength(2);
});

test('blockingThreshold: 0 warns of nothing', async () => {
  const { runner, log } = await startApp({}, { blockingThreshold: 0 });
  runner.start(block, 60);
  await runner.drain();
  expect(log.said('warn')).toEqual([]);
});

test('other work gets its turn between two sync tasks', async () => {
  const { runner } = await startApp({}, { blockingThreshold: 0 });
  const order: string[] = [];
  runner.start(() => {
    setImmediate(() => order.push('other work'));
    order.push('first');
    block(10);
  });
  runner.start(() => order.push('second'));
  await runner.drain();
  expect(order).toEqual(['first', 'other work', 'second']);
});
