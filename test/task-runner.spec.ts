import { Controller, Get } from '@nestjs/common';
import { expect, test } from 'vitest';
import { BackgroundTasks, DrainTimeoutError, Tasks, TaskRunner, type TaskEvent } from 'nestjs-background-tasks';
import { drainTimedOut } from '../lib/engine/engine.messages.ts';
import { Gate } from './fixtures/gate.ts';
import { startApp } from './fixtures/start-app.ts';

class Counter {
  #count = 0;
  add(by: number): number {
    return (this.#count += by);
  }
}

@Controller()
class SlowController {
  @Get()
  async get(@Tasks() tasks: BackgroundTasks) {
    tasks.addTask(() => undefined);
    entered.open();
    await proceed.opened;
  }
}

let entered = new Gate();
let proceed = new Gate();

test('start runs functions and methods, in a later turn, and not one after another', async () => {
  const { app } = await startApp({});
  const runner = app.get(TaskRunner);
  const gate = new Gate();
  const held = runner.start(() => gate.opened);
  const task = runner.start(new Counter(), 'add', 2);
  expect(task).toMatchObject({ name: 'Counter.add', status: 'pending', startedAt: undefined, finishedAt: undefined });
  expect(await task.settled()).toMatchObject({ status: 'completed', result: 2 });
  expect(held.status).toBe('running');
  gate.open();
  expect(await held.settled()).toMatchObject({ status: 'completed' });
});

test('the handle and the record say the same', async () => {
  const { runner } = await startApp({});
  const before = Date.now();
  const task = runner.with({ name: 'sum' }).start((a: number, b: number) => a + b, 1, 2);
  const record = await task.settled();
  expect(record).toEqual({
    id: task.id,
    name: 'sum',
    status: 'completed',
    attempts: 1,
    createdAt: task.createdAt.toISOString(),
    startedAt: task.startedAt?.toISOString(),
    finishedAt: task.finishedAt?.toISOString(),
    result: 3,
  });
  expect(task.id).toMatch(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/);
  const times = [before, task.createdAt, task.startedAt, task.finishedAt].map(Number);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect(JSON.parse(JSON.stringify(task))).toEqual(record);
  expect(await task.settled()).toEqual(record);
});

test('events tell each step of each task', async () => {
  const { runner } = await startApp({});
  const events: TaskEvent[] = [];
  runner.events.subscribe((event) => events.push(event));
  const fine = runner.with({ name: 'fine' }).start(() => 'done');
  const bad = runner.with({ name: 'bad' }).start(() => Promise.reject(new TypeError('boom')));
  await runner.drain();
  const ofTask = (id: string) =>
    events.filter(({ task }) => task.id === id).map(({ type, task }) => [type, task.status]);
  expect(ofTask(fine.id)).toEqual([
    ['added', 'pending'],
    ['started', 'running'],
    ['completed', 'completed'],
  ]);
  expect(ofTask(bad.id)).toEqual([
    ['added', 'pending'],
    ['started', 'running'],
    ['failed', 'failed'],
  ]);
  expect(events.find(({ type }) => type === 'failed')?.task.error).toEqual({ name: 'TypeError', message: 'boom' });
  expect(events.find(({ type }) => type === 'completed')?.task.result).toBe('done');
});

test('drain waits for what tasks add, and for requests that are still being answered', async () => {
  const { runner, url } = await startApp({ controllers: [SlowController] });
  const ran: number[] = [];
  const chain = (n: number): void => {
    ran.push(n);
    if (n < 5) {
      runner.start(chain, n + 1);
    }
  };
  runner.start(chain, 0);
  await runner.drain();
  expect(ran).toEqual([0, 1, 2, 3, 4, 5]);
  await runner.drain();

  const answered = fetch(url);
  await entered.opened;
  let isDrained = false;
  const drained = runner.drain().then(() => (isDrained = true));
  await new Promise(setImmediate);
  expect(isDrained).toBe(false);
  proceed.open();
  await drained;
  await answered;
});

test('drain with a time limit names the unsettled tasks, and lets them go on', async () => {
  const { runner } = await startApp({});
  const gate = new Gate();
  const task = runner.with({ name: 'patient' }).start(() => gate.opened);
  await expect.poll(() => task.status).toBe('running');
  const error = await runner.drain(10).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(DrainTimeoutError);
  expect(error).toMatchObject({
    name: 'DrainTimeoutError',
    message: drainTimedOut(10, [task]),
    timeout: 10,
    tasks: [{ id: task.id, name: 'patient', status: 'running' }],
  });
  gate.open();
  await runner.drain(5_000);
  expect(task.status).toBe('completed');
});
