import { Injectable } from '@nestjs/common';
import { describe, expect, test } from 'vitest';
import { Task, TaskRegistry } from 'nestjs-background-tasks';
import { BullMqQueues, BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { Gate } from '../fixtures/gate.ts';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { startApp } from '../fixtures/start-app.ts';

stopStores();

const data = { args: { json: [] }, options: {} } as never;

/** Jobs that another program adds have ids that count from 1, in each queue. */
describe.each(stores)('jobs with one id in two queues, on $name', ({ connection }) => {
  test.each(['while both run', 'when the first one has ended'])('say that they run, %s', async (when) => {
    const gates = { first: new Gate(), second: new Gate() };
    @Injectable()
    class Work {
      @Task({ queue: 'first' })
      first() {
        return gates.first.opened;
      }

      @Task({ queue: 'second' })
      second() {
        return gates.second.opened;
      }
    }
    const { app } = await startApp({
      imports: [BullMqTasksModule.forRoot({ connection, prefix: ownPrefix() })],
      providers: [Work],
    });
    const registry = app.get(TaskRegistry);
    const add = (queue: 'first' | 'second') => app.get(BullMqQueues).get(queue).add(`Work.${queue}`, data);
    const statuses = async (queue: string) => (await registry.list({ queue })).map((it) => [it.status, it.attempts]);
    const [first, second] = [await add('first'), await add('second')];
    expect(first.id).toBe(second.id);
    if (when === 'while both run') {
      await expect.poll(() => statuses('first')).toEqual([['running', 1]]);
    } else {
      gates.first.open();
      await expect.poll(() => statuses('first')).toEqual([['completed', 1]]);
    }
    await expect.poll(() => statuses('second')).toEqual([['running', 1]]);
    gates.first.open();
    gates.second.open();
    await expect.poll(() => statuses('second')).toEqual([['completed', 1]]);
  });
});
