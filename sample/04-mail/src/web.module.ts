import { Module } from '@nestjs/common';
import { BackgroundTasksModule } from 'nestjs-background-tasks';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { SignupsModule } from './signups.module.ts';
import { store } from './store.ts';

/** Stores tasks, and runs none. */
@Module({
  imports: [
    BackgroundTasksModule.forRoot(),
    BullMqTasksModule.forRootAsync({ useFactory: () => ({ ...store(), worker: false }) }),
    SignupsModule,
  ],
})
export class WebModule {}
