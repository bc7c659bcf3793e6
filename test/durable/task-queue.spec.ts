import { PGlite } from '@electric-sql/pglite';
import { vi } from 'vitest';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { describeTaskQueue, type TaskQueueHarness } from './task-queue.contract.ts';

const MAX_SIZE = 20_000;

/** @param dispose stops what the connection needs and the harness has started */
function bullMqHarness(
  connection: string,
  isShared: boolean,
  dispose: () => Promise<void> = async () => undefined,
): TaskQueueHarness {
  const prefix = ownPrefix();
  return {
    isShared,
    maxSize: MAX_SIZE,
    module: ({ takes, slots }) =>
      BullMqTasksModule.forRoot({
        connection,
        prefix,
        maxSize: MAX_SIZE,
        // A busy machine is no reason to give up.
        enqueueTimeout: 20_000,
        worker: takes.length > 0 && { queues: takes, concurrency: slots },
      }),
    dispose,
  };
}

/** PGlite takes seconds to start and is for one application at a time: one after the other they use the same one. */
function pgliteHarness(): TaskQueueHarness {
  const create = PGlite.create.bind(PGlite);
  let started: Promise<PGlite> | undefined;
  let close: (() => Promise<void>) | undefined;
  vi.spyOn(PGlite, 'create').mockImplementation((async (options: object) => {
    started ??= create(options).then((db) => {
      close = db.close.bind(db);
      vi.spyOn(db, 'close').mockResolvedValue();
      return db;
    });
    return started;
  }) as typeof PGlite.create);
  return bullMqHarness('pglite:', false, async () => close?.());
}

for (const { name, connection } of stores) {
  describeTaskQueue(name, bullMqHarness(connection, true));
}
describeTaskQueue('PGlite', pgliteHarness());

stopStores();
