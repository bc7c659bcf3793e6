import { Injectable } from '@nestjs/common';
import { ModuleImportError } from '../errors/module.errors.ts';
import { TaskArgumentError } from '../errors/task.errors.ts';
import type { TaskCall } from '../task/call/task-call.ts';
import { queueImportedTwice, queueNotImported } from './durable.messages.ts';
import type { OnUnavailable, TaskQueue } from './task-queue.ts';

/** Holds the application's `TaskQueue`. An adapter registers here, because the core imports no adapter. */
@Injectable()
export class TaskQueueHost {
  #queue?: TaskQueue;
  onUnavailable: OnUnavailable = 'throw';

  get current(): TaskQueue | undefined {
    return this.#queue;
  }

  /** @throws ModuleImportError if a queue is registered already */
  register(queue: TaskQueue, onUnavailable: OnUnavailable): void {
    if (this.#queue) {
      throw new ModuleImportError(queueImportedTwice());
    }
    this.#queue = queue;
    this.onUnavailable = onUnavailable;
  }

  /** @throws TaskArgumentError if no queue is registered */
  of({ name, definition }: TaskCall): TaskQueue {
    if (!this.#queue) {
      throw new TaskArgumentError(queueNotImported(name, definition?.queue));
    }
    return this.#queue;
  }
}
