import { Injectable } from '@nestjs/common';
import { ModuleImportError } from '../errors/module.errors.ts';
import { TaskArgumentError } from '../errors/task.errors.ts';
import type { TaskCall } from '../task/call/task-call.ts';
import { queueImportedTwice, queueNotImported } from './durable.messages.ts';
import type { OnUnavailable, TaskQueue } from './task-queue.ts';

/** Where the module of a job queue, if there is one, makes itself known to the core, which imports none. */
@Injectable()
export class TaskQueueHost {
  #queue?: TaskQueue;
  onUnavailable: OnUnavailable = 'throw';

  get current(): TaskQueue | undefined {
    return this.#queue;
  }

  /** @throws ModuleImportError if there is one already */
  register(queue: TaskQueue, onUnavailable: OnUnavailable): void {
    if (this.#queue) {
      throw new ModuleImportError(queueImportedTwice());
    }
    this.#queue = queue;
    this.onUnavailable = onUnavailable;
  }

  /** @throws TaskArgumentError if there is none */
  of({ name, definition }: TaskCall): TaskQueue {
    if (!this.#queue) {
      throw new TaskArgumentError(queueNotImported(name, definition?.queue));
    }
    return this.#queue;
  }
}

/** What provides it stores tasks, before the response is released. */
export const TASK_QUEUE = Symbol('nestjs-background-tasks.queue');
