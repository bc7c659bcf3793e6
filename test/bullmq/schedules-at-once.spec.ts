import { Injectable } from '@nestjs/common';
import { describe, expect, test } from 'vitest';
import { Task } from 'nestjs-background-tasks';
import { BullMqQueues, BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { startApp } from '../fixtures/start-app.ts';

const EVERY = 3_600_000;

@Injectable()
class Nightly {
  @Task({ queue: 'nightly' })
  sweep() {}
}

stopStores();

/**
 * Processes that start at once add the same schedule, each with the first run that its clock says. Two runs in the queue would
 * end the schedule: each would leave it to the other to add the next run.
 */
describe.each(stores)('on $name', ({ connection }) => {
  test('processes that add a schedule at once leave one run', async () => {
    const { app } = await startApp({
      imports: [BullMqTasksModule.forRoot({ connection, prefix: ownPrefix(), worker: false })],
      providers: [Nightly],
    });
    const queue = app.get(BullMqQueues).get('nightly');
    await queue.waitUntilReady();
    const now = Math.ceil(Date.now() / EVERY) * EVERY;
    for (let round = 0; round < 10; round++) {
      const name = `sweep-${round}`;
      const starts = Array.from({ length: 8 }, (_, i) => now + (8 - i) * EVERY);
      await Promise.all(
        starts.map((startDate) => queue.upsertJobScheduler(name, { every: EVERY, startDate }, { name })),
      );
      const runs = (await queue.getDelayed()).filter((job) => job.name === name);
      const scheduler = await queue.getJobScheduler(name);
      expect(runs.map((run) => run.id)).toEqual([`repeat:${name}:${scheduler!.next}`]);
    }
  });
});
