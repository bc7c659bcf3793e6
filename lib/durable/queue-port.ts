import { Injectable } from '@nestjs/common';
import { AttemptRunner } from './attempt-runner.ts';
import { TaskCatalog } from './task-catalog.ts';
import { TaskQueueHost } from './task-queue-host.ts';

/**
 * All that an adapter injects from the core. An adapter's module injects it optionally: where `BackgroundTasksModule` is
 * missing, the adapter can then say so.
 */
@Injectable()
export class QueuePort {
  constructor(
    readonly host: TaskQueueHost,
    readonly catalog: TaskCatalog,
    readonly attempts: AttemptRunner,
  ) {}
}
