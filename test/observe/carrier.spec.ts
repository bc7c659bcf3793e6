import { Controller, Post, type Type } from '@nestjs/common';
import { describe, expect, test } from 'vitest';
import {
  type BackgroundTasks,
  chain,
  currentTask,
  defineTask,
  step,
  type TaskAttemptMessage,
  type TaskEnqueueMessage,
  type TaskRecord,
  TaskRegistry,
  Tasks,
} from 'nestjs-background-tasks';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { TestTasksModule } from 'nestjs-background-tasks/testing';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { startApp } from '../fixtures/start-app.ts';
import { subscribeTo } from '../fixtures/subscribe.ts';
import { observedInQueue } from '../fixtures/threads/observed-in-queue.task.ts';

stopStores();

const queue = 'observed';

const flaky = defineTask(
  function flaky() {
    if (currentTask()!.attempt === 1) {
      throw new Error('not yet');
    }
  },
  { queue, attempts: 2 },
);

const aPart = defineTask(function part() {}, { queue });

@Controller('orders')
class OrdersController {
  @Post(':id')
  order(@Tasks() tasks: BackgroundTasks) {
    return [tasks.addTask(flaky), tasks.addTask(chain(step(aPart), step(aPart))), tasks.addTask(observedInQueue)];
  }
}

const queues: [name: string, module: () => object][] = [
  ['memory', () => TestTasksModule.forRoot()],
  ...stores.map(({ name, connection }): [string, () => object] => [
    name,
    () => BullMqTasksModule.forRoot({ connection, prefix: ownPrefix() }),
  ]),
];

describe.each(queues)('on %s', (_name, module) => {
  test('the carrier of one flush comes with each attempt of its tasks, and the route is in their records', async () => {
    const told: unknown[] = [];
    const attempts: unknown[] = [];
    const results: unknown[] = [];
    subscribeTo<TaskEnqueueMessage>('enqueue', (event, { queues: named, tasks, carrier }) => {
      carrier['traceparent'] ??= '00-1-2';
      told.push([event, named, tasks.map(({ name }) => name)]);
    });
    subscribeTo<TaskAttemptMessage>('attempt', (event, { name, carrier, target, runsIn, task }) => {
      if (event === 'start') {
        attempts.push({ name, target, runsIn, carrier: { ...carrier }, route: task.route });
        carrier['added'] = 'here';
      }
    });
    const { app, url } = await startApp({ imports: [module() as Type], controllers: [OrdersController] });
    const answer = await fetch(`${url}/orders/17`, { method: 'POST' });
    const added = (await answer.json()) as TaskRecord[];
    expect(told).toEqual(
      ['start', 'end', 'asyncStart', 'asyncEnd'].map((part) => [part, [queue], ['flaky', 'part', 'observedInQueue']]),
    );
    const registry = app.get(TaskRegistry);
    for (const { id } of added) {
      await expect.poll(() => registry.get(id)).toMatchObject({ status: 'completed' });
      expect(await registry.get(id)).not.toHaveProperty('route');
      results.push((await registry.get(id))?.result);
    }
    const common = { target: 'queue', carrier: { traceparent: '00-1-2' }, route: 'POST /orders/:id' };
    const sorted = attempts.toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
    expect(sorted).toEqual([
      { name: 'flaky', runsIn: 'event-loop', ...common },
      { name: 'flaky', runsIn: 'event-loop', ...common },
      { name: 'observedInQueue', runsIn: 'thread', ...common },
      { name: 'part', runsIn: 'event-loop', ...common },
      { name: 'part', runsIn: 'event-loop', ...common },
    ]);
    expect(results[2]).toMatchObject({
      carrier: { traceparent: '00-1-2', added: 'here' },
      queue,
      isInThread: true,
      task: { route: 'POST /orders/:id' },
    });
  });
});
