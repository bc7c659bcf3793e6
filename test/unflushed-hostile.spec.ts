import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Get } from '@nestjs/common';
import { expect, test } from 'vitest';
import { BackgroundTasks, defineTask, Tasks, type BackgroundTask, type TaskEvent } from 'nestjs-background-tasks';
import { tasksLost } from '../lib/engine/engine.messages.ts';
import { TaskEngine } from '../lib/engine/task-engine.ts';
import { taskCancelled } from '../lib/errors/task.errors.ts';
import { readTaskCall } from '../lib/task/call/read-task-call.ts';
import { HeldQueue, heldQueueModule } from './fixtures/held-queue.ts';
import { startApp } from './fixtures/start-app.ts';

const durable = defineTask(
  function durable(_what?: unknown) {
    return 'ran';
  },
  { queue: 'held' },
);

let fill: (tasks: BackgroundTasks) => unknown;

@Controller()
class FillController {
  @Get()
  get(@Tasks() tasks: BackgroundTasks) {
    return fill(tasks);
  }
}

test('a subscriber that hears of one skipped durable task cancels the next', async () => {
  const { url, runner } = await startApp({
    controllers: [FillController],
    imports: [heldQueueModule(new HeldQueue())],
  });
  let added: BackgroundTask[] = [];
  runner.events.subscribe(({ type }) => void (type === 'skipped' && added[1]!.cancel()));
  fill = (tasks) => (added = [1, 2, 3].map(() => tasks.with({ runOn: 'failure' }).addTask(durable)));
  await fetch(url);
  await runner.drain(5_000);
  expect(added.map(({ status }) => status)).toEqual(['skipped', 'cancelled', 'skipped']);
});

test('a subscriber that hears of one cancelled task cancels another that the queue refused too', async () => {
  const queue = new HeldQueue();
  const { url, runner } = await startApp({
    controllers: [FillController],
    imports: [heldQueueModule(queue, 'run-here')],
  });
  let added: BackgroundTask[] = [];
  const said: boolean[] = [];
  runner.events.subscribe(
    ({ type }) => void (type === 'cancelled' && said.length === 0 && said.push(added[0]!.cancel())),
  );
  fill = (tasks) => void (added = [1, 2, 3].map(() => tasks.addTask(durable)));
  const answer = fetch(url);
  await expect.poll(() => queue.held.length).toBe(1);
  expect(added[1]!.cancel()).toBe(true);
  queue.held[0]!.refuse(new Error('down'));
  await answer;
  await runner.drain(5_000);
  expect(said).toEqual([true]);
  expect(added.map(({ status }) => status)).toEqual(['cancelled', 'cancelled', 'completed']);
});

test('a task that the queue refuses while the application closes is cancelled for that reason', async () => {
  const queue = new HeldQueue();
  const { app, runner, log } = await startApp({ imports: [heldQueueModule(queue)] }, { shutdownTimeout: 100 });
  const task = runner.start(durable);
  await expect.poll(() => queue.held.length).toBe(1);
  const closing = app.close();
  await sleep(200);
  queue.held[0]!.refuse(new Error('down'));
  expect(await task.settled()).toMatchObject({
    status: 'cancelled',
    error: { message: taskCancelled('durable', 'shutdown') },
  });
  await closing;
  expect(log.said('warn').map(({ message }) => message)).toEqual([tasksLost(0, [task], 100)]);
});

test('a subscriber of the event stored that calls settled() reads the queue once', async () => {
  const queue = new HeldQueue();
  const { runner } = await startApp({ imports: [heldQueueModule(queue)] });
  runner.events.subscribe(({ type }: TaskEvent) => void (type === 'stored' && void task.settled()));
  const task: BackgroundTask = runner.start(durable);
  await expect.poll(() => queue.held.length).toBe(1);
  queue.held[0]!.accept();
  await runner.drain(5_000);
  await task.settled();
  expect(queue.waitedFor).toEqual([task.id]);
});

test('the handle of a durable task keeps no arguments once the queue has the task', async () => {
  const queue = new HeldQueue();
  const { runner } = await startApp({ imports: [heldQueueModule(queue)] });
  let isCollected = false;
  const registry = new FinalizationRegistry<undefined>(() => (isCollected = true));
  const start = () => {
    const argument = { some: 'thing' };
    registry.register(argument, undefined);
    return runner.start(durable, argument);
  };
  const task = start();
  await expect.poll(() => queue.held.length).toBe(1);
  queue.held.pop()!.accept();
  await runner.drain(5_000);
  await expect
    .poll(async () => {
      globalThis.gc!();
      await sleep(5);
      return isCollected;
    })
    .toBe(true);
  expect(task.cancel()).toBe(true);
  expect(queue.cancelled).toEqual([task.id]);
});

test('durable tasks that were never enqueued are named when the application closes', async () => {
  const queue = new HeldQueue();
  const { app, url, log } = await startApp(
    { controllers: [FillController], imports: [heldQueueModule(queue)] },
    { shutdownTimeout: 100 },
  );
  let task!: BackgroundTask;
  fill = async (tasks) => {
    task = tasks.addTask(durable);
    await sleep(1_500);
  };
  const answer = fetch(url).then(
    ({ status }) => status,
    () => 'gone',
  );
  await expect.poll(() => task).toBeDefined();
  await app.close();
  expect(await task.settled()).toMatchObject({ status: 'cancelled' });
  expect(log.said('warn').map(({ message }) => message)).toEqual([tasksLost(0, [task], 100)]);
  await answer;
});

test('a list of very many durable tasks drops those that are in their queue', async () => {
  const queue = new HeldQueue();
  const { app } = await startApp({ imports: [heldQueueModule(queue)] });
  const list = app.get(TaskEngine).createOpenList();
  for (let i = 0; i < 3_000; i++) {
    list.add(readTaskCall('start', [durable, i]), {});
    queue.held.pop()?.accept();
    await list.flush(undefined);
  }
  expect(list.tasks.length).toBeLessThanOrEqual(1_000);
});
