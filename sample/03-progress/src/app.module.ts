import { Module } from '@nestjs/common';
import { BackgroundTasksModule } from 'nestjs-background-tasks';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { Importer } from './importer.service.ts';
import { ImportsController } from './imports.controller.ts';
import { connection, prefix } from './queue-server.ts';

/** The web process. With a queue, it runs no imports: see `worker.module.ts`. */
@Module({
  imports: [
    BackgroundTasksModule.forRoot({ history: { max: 10_000, ttl: 24 * 3_600_000 } }),
    ...(connection ? [BullMqTasksModule.forRoot({ connection, prefix, worker: false })] : []),
  ],
  controllers: [ImportsController],
  providers: [Importer],
})
export class AppModule {}
