import { PGlite, types } from '@electric-sql/pglite';
import * as bullmq from 'bullmq';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { RolloutTimes } from '../../lib/bullmq/queues/schedule-versions.ts';
import type { Pglite, PgliteDatabase } from '../../lib/bullmq/store/pglite/pglite.types.ts';
import { STORE_PACKAGES } from '../../lib/bullmq/store/store-packages.ts';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { describeTaskQueue, type TaskQueueHarness } from './task-queue.contract.ts';

const MAX_SIZE = 20_000;

function bullMqHarness(connection: string, isShared: boolean): TaskQueueHarness {
  const prefix = ownPrefix();
  return {
    isShared,
    hasSchedules: true,
    maxSize: MAX_SIZE,
    keepsOpen: [],
    module({ takes, slots }) {
      const module = BullMqTasksModule.forRoot({
        connection,
        prefix,
        maxSize: MAX_SIZE,
        // A busy machine is no reason to give up.
        enqueueTimeout: 20_000,
        worker: takes.length > 0 && { queues: takes, concurrency: slots },
      });
      // No test waits for an hour until a task that nobody knows fails.
      const times = { provide: RolloutTimes, useValue: Object.assign(new RolloutTimes(), { unknownFor: 600 }) };
      return { ...module, providers: [...module.providers!, times] };
    },
    // stopStores removes what is in servers.
    dispose: async () => undefined,
  };
}

/** What an application sees of a database that it shares with those before and after it: its own until it closes it. */
function lent(db: PGlite): PgliteDatabase {
  let isClosed = false;
  const open = () => {
    if (isClosed) {
      throw new Error('PGlite is closed');
    }
    return db;
  };
  return {
    get ready() {
      return !isClosed;
    },
    query: async (text, params) => open().query(text, params),
    exec: async (text) => open().exec(text),
    isInTransaction: () => open().isInTransaction(),
    onNotification: (listener) => open().onNotification(listener),
    async close() {
      isClosed = true;
    },
  };
}

/** PGlite takes seconds to start, and is for one application at a time: they use the same one, one after the other. */
function pgliteHarness(): TaskQueueHarness {
  let started: Promise<PGlite> | undefined;
  const shared: Pglite['PGlite'] = {
    defaultStartParams: PGlite.defaultStartParams,
    create: async (options) => lent(await (started ??= PGlite.create(options))),
  };
  const packages = { provide: STORE_PACKAGES, useValue: { bullmq, pglite: { PGlite: shared, types } } };
  const harness = bullMqHarness('pglite:', false);
  return {
    ...harness,
    // Postgres has timers of its own.
    keepsOpen: ['Timeout'],
    module(options) {
      const module = harness.module(options);
      return { ...module, providers: [...module.providers!, packages] };
    },
    async dispose() {
      await (await started)?.close();
    },
  };
}

for (const { name, connection } of stores) {
  describeTaskQueue(name, bullMqHarness(connection, true));
}
describeTaskQueue('PGlite', pgliteHarness());

stopStores();
