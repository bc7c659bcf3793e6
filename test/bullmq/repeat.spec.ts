import { Injectable } from '@nestjs/common';
import { describe, expect, test } from 'vitest';
import { currentTask, defineTask, InvalidOptionError, Task, TaskRegistry } from 'nestjs-background-tasks';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { queueNotImported } from '../../lib/durable/durable.messages.ts';
import { repeatWithoutQueue } from '../../lib/task/task.messages.ts';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { startApp } from '../fixtures/start-app.ts';

const EVERY = 600;
const ran: { id: string; at: number }[] = [];

@Injectable()
class Nightly {
  @Task({ queue: 'nightly', repeat: { every: EVERY } })
  sweep() {
    ran.push({ id: currentTask()!.id, at: Date.now() });
    return 'swept';
  }
}

@Injectable()
class Wrong {
  @Task({ queue: 'nightly', repeat: { pattern: 'at three' } })
  rebuild() {}
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
    const times = ran.map(({ at }) => at).toSorted((a, b) => a - b);
    expect((times.at(-1)! - times[0]!) / EVERY).toBeGreaterThan(times.length - 2);
    expect(new Set(ran.map(({ id }) => id)).size).toBe(ran.length);
    await expect
      .poll(() => apps[1]!.app.get(TaskRegistry).get(ran[0]!.id))
      .toMatchObject({ name: 'Nightly.sweep', status: 'completed', result: 'swept' });
  });

  test('an application with a wrong pattern doesn’t start', async () => {
    await expect(start(connection, ownPrefix(), Wrong)).rejects.toThrow(/Wrong\.rebuild.*repeat.*pattern/);
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
    await expect.poll(cancelNext, { timeout: 20_000 }).toHaveLength(1);
    const before = Often.ran.length;
    await expect.poll(() => Often.ran.length, { timeout: 20_000 }).toBeGreaterThan(before + 5);
    const ids = (await cancelled()).map(({ id }) => id);
    expect(ids.filter((id) => !asked.has(id))).toEqual([]);
    expect(Often.ran.filter((id) => ids.includes(id))).toEqual([]);
  },
);
