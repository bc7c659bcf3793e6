import { Module } from '@nestjs/common';
import { BackgroundTasksModule } from 'nestjs-background-tasks';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { queueServer } from './queue-server.ts';
import { SignupsModule } from './signups.module.ts';

/** The worker process: it runs up to ten tasks of each queue at once. */
@Module({
  imports: [
    BackgroundTasksModule.forRoot(),
    BullMqTasksModule.forRootAsync({ useFactory: () => ({ ...queueServer(), worker: { concurrency: 10 } }) }),
    SignupsModule,
  ],
})
export class WorkerModule {}
