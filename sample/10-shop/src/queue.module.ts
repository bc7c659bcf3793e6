import { Global, Module } from '@nestjs/common';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { queuePrefix, queueUrl } from './parts.ts';

/** Global, because `SessionsController` asks a queue for the next run of a task that repeats. */
@Global()
@Module({
  imports: [BullMqTasksModule.forRoot({ connection: queueUrl, prefix: queuePrefix })],
  exports: [BullMqTasksModule],
})
export class QueueModule {}
