import { ConfigurableModuleBuilder, Module } from '@nestjs/common';
import { noteCopy } from '../util/copies.ts';
import { BullMqTaskQueue } from './bullmq-task-queue.ts';
import { type BullMqTasksModuleOptions, BullMqTasksOptions, resolveBullMqOptions } from './bullmq-tasks.options.ts';
import { BullMqQueues } from './queues/bullmq-queues.ts';
import { BullMqSchedules } from './queues/bullmq-schedules.ts';
import { JobEnqueuer } from './queues/job-enqueuer.ts';
import { JobFinder } from './queues/job-finder.ts';
import { JobMarks } from './queues/job-marks.ts';
import { JobRetry } from './queues/job-retry.ts';
import { RunIds } from './queues/run-ids.ts';
import { RolloutTimes } from './queues/schedule-versions.ts';
import { TransactionEnqueuer } from './transactions/transaction-enqueuer.ts';
import { TransactionWatch } from './transactions/transaction-watch.ts';
import { BullMqConnection } from './store/bullmq-connection.ts';
import { loadStorePackages, STORE_PACKAGES } from './store/store-packages.ts';
import { BullMqCancellations } from './workers/bullmq-cancellations.ts';
import { BullMqWorkers } from './workers/bullmq-workers.ts';
import { JobRunner } from './workers/job-runner.ts';
import { RunningJobs } from './workers/running-jobs.ts';

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } = new ConfigurableModuleBuilder<BullMqTasksModuleOptions>({
  moduleName: 'BullMqTasks',
})
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createBullMqTasksOptions')
  .build();

noteCopy();

/**
 * Keeps durable tasks in queues of BullMQ, on Redis or Postgres, and runs them.
 *
 * A task that names a queue is enqueued before the response is released. Any process that imports this module can run it.
 * Import it once, beside `BackgroundTasksModule`.
 *
 * @example
 * @Module({
 *   imports: [BackgroundTasksModule.forRoot(), BullMqTasksModule.forRoot({ connection: 'redis://localhost:6379' })],
 * })
 * export class AppModule {}
 *
 * @since 0.1.0
 */
@Module({
  providers: [
    { provide: BullMqTasksOptions, inject: [MODULE_OPTIONS_TOKEN], useFactory: resolveBullMqOptions },
    { provide: STORE_PACKAGES, inject: [BullMqTasksOptions], useFactory: loadStorePackages },
    BullMqConnection,
    BullMqQueues,
    { provide: RolloutTimes, useValue: new RolloutTimes() },
    RunIds,
    BullMqSchedules,
    JobFinder,
    JobEnqueuer,
    TransactionWatch,
    TransactionEnqueuer,
    JobMarks,
    JobRetry,
    BullMqCancellations,
    RunningJobs,
    JobRunner,
    BullMqWorkers,
    BullMqTaskQueue,
  ],
  exports: [BullMqQueues],
})
export class BullMqTasksModule extends ConfigurableModuleClass {}
