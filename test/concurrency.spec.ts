import { Controller, Get, Param } from '@nestjs/common';
import { expect, test } from 'vitest';
import { BackgroundTasks, Tasks } from 'nestjs-background-tasks';
import { AttemptRunner } from '../lib/durable/attempt-runner.ts';
import { readTaskCall } from '../lib/task/call/read-task-call.ts';
import { startApp } from './fixtures/start-app.ts';
import { add } from './fixtures/threads/math.task.ts';

let running = 0;
let most = 0;
const order: string[] = [];

async function work(label: string): Promise<void> {
  running++;
  most = Math.max(most, running);
  order.push(label);
  await new Promise(setImmediate);
  running--;
}

@Controller()
class ManyController {
  @Get(':label/:count')
  get(@Param('label') label: string, @Param('count') count: string, @Tasks() tasks: BackgroundTasks) {
    for (let i = 0; i < Number(count); i++) {
      tasks.addTask(work, label);
    }
  }
}

test.each(['sequential', 'parallel'] as const)(
  'no more than so many run at once, of all requests: %s',
  async (execution) => {
    most = 0;
    const { url, runner } = await startApp({ controllers: [ManyController] }, { execution, concurrency: 3 });
    await Promise.all(Array.from({ length: 10 }, (_, i) => fetch(`${url}/${i}/10`)));
    await runner.drain();
    expect(most).toBe(3);
    expect(runner.stats()).toMatchObject({ completed: 100, running: 0, pending: 0 });
  },
);

test('a request with 1,000 tasks does not starve one with a single task', async () => {
  order.length = 0;
  const { url, runner } = await startApp({ controllers: [ManyController] }, { execution: 'parallel', concurrency: 2 });
  await fetch(`${url}/many/1000`);
  await expect.poll(() => order.length).toBeGreaterThan(10);
  const before = order.length;
  runner.start(work, 'single');
  await runner.drain();
  expect(order.indexOf('single') - before).toBeLessThan(10);
  expect(order).toHaveLength(1_001);
});

test('a task that waits between attempts, or for a thread, takes no slot', async () => {
  const { runner } = await startApp({}, { concurrency: 1 });
  const waiting = runner
    .with({ attempts: 2, backoff: { type: 'fixed', delay: 100_000 } })
    .start(() => Promise.reject(new Error('boom')));
  await expect.poll(() => waiting.attempts).toBe(1);
  const inThread = runner.start(add, 1, 2);
  expect(await runner.start(() => 'there is room').settled()).toMatchObject({ status: 'completed' });
  expect(await inThread.settled()).toMatchObject({ result: 3 });
  waiting.cancel();
});

test('a task that is cancelled while it waits for a slot never runs, and frees no slot', async () => {
  const { runner } = await startApp({}, { concurrency: 1 });
  let goOn!: () => void;
  const first = runner.start(() => new Promise<void>((resolve) => (goOn = resolve)));
  await expect.poll(() => first.status).toBe('running');
  const second = runner.start(() => 'second');
  const third = runner.start(() => 'third');
  await new Promise(setImmediate);
  expect(second.cancel()).toBe(true);
  goOn();
  expect(await third.settled()).toMatchObject({ status: 'completed', result: 'third' });
  expect(second).toMatchObject({ status: 'cancelled', startedAt: undefined });
  expect(await runner.start(() => 'fourth').settled()).toMatchObject({ status: 'completed' });
});

test('many durable tasks do not starve the tasks of a request', async () => {
  order.length = 0;
  const { app, runner } = await startApp({}, { concurrency: 1 });
  const results = Array.from({ length: 20 }, (_, i) => {
    const { result } = app.get(AttemptRunner).run({
      call: readTaskCall('start', [work, 'durable']),
      restored: { id: `id ${i}`, createdAt: Date.now(), attempts: 0 },
      options: {},
      observer: { began: () => undefined, progressed: () => undefined },
    });
    return result;
  });
  runner.start(work, 'single');
  await Promise.all([...results, runner.drain()]);
  expect(order).toHaveLength(21);
  expect(order.indexOf('single')).toBeLessThan(5);
});
