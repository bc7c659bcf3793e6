import { Module } from '@nestjs/common';
import { BackgroundTasksModule } from 'nestjs-background-tasks';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { queueServer } from './queue-server.ts';
import { SignupsModule } from './signups.module.ts';

/** The web process: it enqueues tasks, and runs none. */
@Module({
  imports: [
    BackgroundTasksModule.forRoot(),
    BullMqTasksModule.forRootAsync({ useFactory: () => ({ ...queueServer(), worker: false }) }),
    SignupsModule,
  ],
})
export class WebModule {}
