import { Module } from '@nestjs/common';
import { BackgroundTasksModule } from 'nestjs-background-tasks';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { SignupsModule } from './signups.module.ts';
import { store } from './store.ts';

/** Runs tasks, ten of each queue at once. */
@Module({
  imports: [
    BackgroundTasksModule.forRoot(),
    BullMqTasksModule.forRootAsync({ useFactory: () => ({ ...store(), worker: { concurrency: 10 } }) }),
    SignupsModule,
  ],
})
export class WorkerModule {}
