import { ConfigurableModuleBuilder, Module } from '@nestjs/common';
import { TASK_QUEUE } from '../durable/task-queue-host.ts';
import { BullMqTaskQueue } from './bullmq-task-queue.ts';
import { type BullMqTasksModuleOptions, BullMqTasksOptions, resolveBullMqOptions } from './bullmq-tasks.options.ts';
import { BullMqQueues } from './queues/bullmq-queues.ts';
import { BullMqSchedules } from './queues/bullmq-schedules.ts';
import { BullMqConnection } from './store/bullmq-connection.ts';
import { loadStorePackages, STORE_PACKAGES } from './store/store-packages.ts';
import { BullMqCancellations } from './workers/bullmq-cancellations.ts';
import { BullMqWorkers } from './workers/bullmq-workers.ts';

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } = new ConfigurableModuleBuilder<BullMqTasksModuleOptions>({
  moduleName: 'BullMqTasks',
})
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createBullMqTasksOptions')
  .build();

/**
 * Stores tasks that name a queue, before their response is released, in Redis or Postgres by BullMQ; and runs them, in this
 * process or in any other that imports it. Import it once, beside `BackgroundTasksModule`.
 *
 * @example
 * @Module({
 *   imports: [BackgroundTasksModule.forRoot(), BullMqTasksModule.forRoot({ connection: 'redis://localhost:6379' })],
 * })
 * export class AppModule {}
 *
 * @since 0.2.0
 */
@Module({
  providers: [
    { provide: BullMqTasksOptions, inject: [MODULE_OPTIONS_TOKEN], useFactory: resolveBullMqOptions },
    { provide: STORE_PACKAGES, inject: [BullMqTasksOptions], useFactory: loadStorePackages },
    BullMqConnection,
    BullMqQueues,
    BullMqCancellations,
    BullMqSchedules,
    BullMqWorkers,
    BullMqTaskQueue,
    { provide: TASK_QUEUE, useExisting: BullMqTaskQueue },
  ],
  exports: [BullMqQueues],
})
export class BullMqTasksModule extends ConfigurableModuleClass {}
