import { Injectable, Module } from '@nestjs/common';
import { LazyModuleLoader } from '@nestjs/core';
import { describe, expect, test } from 'vitest';
import { currentTask, defineTask, InvalidOptionError, Task, TaskRegistry } from 'nestjs-background-tasks';
import { BullMqQueues, BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { queueNotImported } from '../../lib/durable/durable.messages.ts';
import { repeatWithoutQueue } from '../../lib/task/task.messages.ts';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { startApp } from '../fixtures/start-app.ts';

const EVERY = 600;
const ran: string[] = [];

@Injectable()
class Nightly {
  @Task({ queue: 'nightly', repeat: { every: EVERY } })
  sweep() {
    ran.push(currentTask()!.id);
    return 'swept';
  }
}

@Injectable()
class Wrong {
  @Task({ queue: 'nightly', repeat: { pattern: 'at three' } })
  rebuild() {}
}

@Injectable()
class Plain {
  @Task({ queue: 'nightly' })
  run() {}
}

const start = (connection: string, prefix: string, ...providers: (new () => object)[]) =>
  startApp({ imports: [BullMqTasksModule.forRoot({ connection, prefix })], providers });

stopStores();

describe.each(stores)('on $name', ({ connection }) => {
  test('a task repeats, once for all processes, and is found like any other', async () => {
    const prefix = ownPrefix();
    ran.length = 0;
    const apps = await Promise.all(Array.from({ length: 4 }, () => start(connection, prefix, Nightly)));
    await expect.poll(() => ran.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(5);
    expect(new Set(ran).size).toBe(ran.length);
    // BullMQ's ids of runs end with their times. No process has added times of its own.
    const runs = await apps[0]!.app.get(BullMqQueues).get('nightly').getJobs();
    const times = runs.map((run) => Number(run.id!.split(':').at(-1)));
    expect(times.filter((time) => time % EVERY !== 0)).toEqual([]);
    expect(new Set(times).size).toBe(times.length);
    await expect
      .poll(() => apps[1]!.app.get(TaskRegistry).get(ran[0]!))
      .toMatchObject({ name: 'Nightly.sweep', status: 'completed', result: 'swept' });
  });

  test('an application with a wrong pattern doesn’t start', async () => {
    await expect(start(connection, ownPrefix(), Wrong)).rejects.toThrow(/Wrong\.rebuild.*repeat.*pattern/);
  });

  test('a wrong pattern that is loaded after the start is named once in the log, and other tasks of its queue run', async () => {
    const { app, runner, log } = await start(connection, ownPrefix());
    @Module({ providers: [Wrong, Plain] })
    class Late {}
    await app.get(LazyModuleLoader).load(() => Late);
    expect(await runner.start(Plain, 'run').settled()).toMatchObject({ status: 'completed' });
    expect(log.said('error').map(({ message }) => message)).toEqual([
      expect.stringMatching(/Wrong\.rebuild.*repeat.*pattern/),
    ]);
    expect(log.said('warn')).toEqual([]);
  });
});

test('repeat without a queue is an error in the definition, and without a module for queues at start', async () => {
  expect(() => Task({ repeat: { every: 1_000 } })).toThrow(new InvalidOptionError(repeatWithoutQueue('@Task')));
  expect(() => defineTask(function tick() {}, { queue: 'x', repeat: { every: 0 } })).toThrow(/every.*whole number/);
  expect(() => Task({ queue: 'x', repeat: { every: 1, pattern: '* * * * *' } as never })).toThrow(/either/);
  expect(() => Task({ queue: 'x', repeat: {} as never })).toThrow(/either/);
  expect(() => Task({ queue: 'x', repeat: { pattern: '* * * * *', tz: 'Mars/Olympus' } })).toThrow(
    /tz.*time zone.*a string of 12 characters/,
  );
  await expect(startApp({ providers: [Nightly] })).rejects.toThrow(queueNotImported('Nightly.sweep', 'nightly'));
});

@Injectable()
class Often {
  static readonly ran: string[] = [];

  @Task({ queue: 'often', repeat: { every: 200 } })
  tick() {
    Often.ran.push(currentTask()!.id);
  }
}

test.each([...stores, { name: 'PGlite', connection: 'pglite:' }])(
  'on $name, cancelling one run of a repeating task cancels no other',
  // PGlite takes long to start on a busy machine.
  { timeout: 180_000 },
  async ({ connection }) => {
    Often.ran.length = 0;
    const { app } = await start(connection, ownPrefix(), Often);
    const registry = app.get(TaskRegistry);
    const cancelled = () => registry.list({ queue: 'often', status: 'cancelled' });
    const asked = new Set<string>();
    // A run that has just begun can complete before it hears of it.
    const cancelNext = async () => {
      const [next] = await registry.list({ queue: 'often', status: 'pending' });
      if (next && (await cancelled()).length === 0) {
        asked.add(next.id);
        await registry.cancel(next.id);
      }
      return cancelled();
    };
    await expect.poll(cancelNext, { timeout: 60_000 }).toHaveLength(1);
    const before = Often.ran.length;
    await expect.poll(() => Often.ran.length, { timeout: 60_000 }).toBeGreaterThan(before + 5);
    const ids = (await cancelled()).map(({ id }) => id);
    expect(ids.filter((id) => !asked.has(id))).toEqual([]);
    expect(Often.ran.filter((id) => ids.includes(id))).toEqual([]);
  },
);
