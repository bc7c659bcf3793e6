import { PGlite, types } from '@electric-sql/pglite';
import * as bullmq from 'bullmq';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { STORE_PACKAGES } from '../../lib/bullmq/store/store-packages.ts';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { describeTaskQueue, type TaskQueueHarness } from './task-queue.contract.ts';

const MAX_SIZE = 20_000;

function bullMqHarness(connection: string, isShared: boolean): TaskQueueHarness {
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
    // stopStores removes what is in servers.
    dispose: async () => undefined,
  };
}

/** PGlite takes seconds to start, and is for one application at a time: they use the same one, one after the other. */
function pgliteHarness(): TaskQueueHarness {
  let started: Promise<PGlite> | undefined;
  const shared = {
    defaultStartParams: PGlite.defaultStartParams,
    async create(options: object) {
      started ??= PGlite.create(options);
      const db = await started;
      return Object.assign(db, { close: async () => undefined });
    },
  };
  const packages = { provide: STORE_PACKAGES, useValue: { bullmq, pglite: { PGlite: shared, types } } };
  const harness = bullMqHarness('pglite:', false);
  return {
    ...harness,
    module(options) {
      const module = harness.module(options);
      return { ...module, providers: [...module.providers!, packages] };
    },
    async dispose() {
      await (started && PGlite.prototype.close.call(await started));
    },
  };
}

for (const { name, connection } of stores) {
  describeTaskQueue(name, bullMqHarness(connection, true));
}
describeTaskQueue('PGlite', pgliteHarness());

stopStores();
