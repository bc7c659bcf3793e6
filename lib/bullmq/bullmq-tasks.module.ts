import { type Abstract, ConfigurableModuleBuilder, Global, Module, type Provider } from '@nestjs/common';
import { AttemptRunner } from '../durable/attempt-runner.ts';
import { QueuePort } from '../durable/queue-port.ts';
import { TaskCatalog } from '../durable/task-catalog.ts';
import { TaskQueueHost } from '../durable/task-queue-host.ts';
import { ModuleImportError } from '../errors/module.errors.ts';
import { noteCopy } from '../util/copies.ts';
import { BullMqTaskQueue } from './bullmq-task-queue.ts';
import { type BullMqTasksModuleOptions, BullMqTasksOptions, resolveBullMqOptions } from './bullmq-tasks.options.ts';
import { coreNotImported, importedWithoutForRoot } from './bullmq.messages.ts';
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

/** Gives the module's providers an object of the core. Without it, Nest's error would name a class that users don't know. */
function fromCore<T extends object>(token: Abstract<T>, read: (port: QueuePort) => T): Provider {
  return {
    provide: token,
    inject: [{ token: QueuePort, optional: true }],
    useFactory: (port?: QueuePort) => read(imported(port, coreNotImported)),
  };
}

/** @throws ModuleImportError */
function imported<T>(value: T | undefined, message: () => string): T {
  if (value === undefined) {
    throw new ModuleImportError(message());
  }
  return value;
}

/**
 * Keeps durable tasks in queues of BullMQ, on Redis or Postgres, and runs them.
 *
 * A task that names a queue is enqueued before the response is released. Any process that imports this module can run
 * it. Import it once, beside `BackgroundTasksModule`. It is global: every module can inject `BullMqQueues`.
 *
 * @example
 * @Module({
 *   imports: [BackgroundTasksModule.forRoot(), BullMqTasksModule.forRoot({ connection: 'redis://localhost:6379' })],
 * })
 * export class AppModule {}
 *
 * @since 0.1.0
 */
@Global()
@Module({
  providers: [
    {
      provide: BullMqTasksOptions,
      inject: [{ token: MODULE_OPTIONS_TOKEN, optional: true }],
      useFactory: (options?: BullMqTasksModuleOptions) =>
        resolveBullMqOptions(imported(options, importedWithoutForRoot)),
    },
    fromCore(TaskQueueHost, ({ host }) => host),
    fromCore(TaskCatalog, ({ catalog }) => catalog),
    fromCore(AttemptRunner, ({ attempts }) => attempts),
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
