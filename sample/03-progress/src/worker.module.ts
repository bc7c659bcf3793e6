import { Module } from '@nestjs/common';
import { BackgroundTasksModule } from 'nestjs-background-tasks';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { Importer } from './importer.service.ts';
import { connection, prefix } from './queue-server.ts';

/** The worker process: it runs the imports that are in the queue. */
@Module({
  imports: [BackgroundTasksModule.forRoot(), BullMqTasksModule.forRoot({ connection: connection!, prefix })],
  providers: [Importer],
})
export class WorkerModule {}
