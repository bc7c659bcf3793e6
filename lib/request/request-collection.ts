import { alreadyEnqueued } from '../durable/durable.messages.ts';
import type { Transaction } from '../durable/transaction.ts';
import type { TaskEngine } from '../engine/task-engine.ts';
import type { TaskList } from '../engine/task-list.ts';
import { TaskArgumentError } from '../errors/task.errors.ts';
import { shuttingDown, ShuttingDownError } from '../errors/unavailable.errors.ts';
import type { TaskCall } from '../task/call/task-call.ts';
import type { TaskOptions } from '../task/definition/task-options.ts';
import type { BackgroundTask } from '../task/handle/background-task.ts';
import type { TaskCollection } from './task-collection.ts';

/**
 * The tasks of one request or message. Makes their list with the first task, and refuses tasks of a request that came
 * too late. Subclasses decide when the list opens.
 */
export abstract class RequestCollection implements TaskCollection {
  // Subclasses hold the fields: each request makes a collection, and fields of a base class more than double its cost.
  protected abstract readonly engine: TaskEngine;
  abstract list?: TaskList;
  /** Whether the request came after the application had begun to close. */
  abstract readonly isLate: boolean;

  /** Whether the request must not add tasks any more. */
  abstract isTooLate(): boolean;

  /** Called with the first task. */
  protected abstract createList(): TaskList;

  /** @throws ShuttingDownError, TooManyTasksError, TaskArgumentError */
  add(call: TaskCall, options: TaskOptions): BackgroundTask {
    if (this.isTooLate()) {
      throw this.engine.refuse(new ShuttingDownError(shuttingDown(call.name)));
    }
    return (this.list ??= this.createList()).add(call, options);
  }

  /** @throws TaskQueueError */
  async flush(outcome: 'success' | 'failure'): Promise<void> {
    await this.list?.flush(outcome);
  }

  /** @throws TaskQueueError, TaskArgumentError */
  async flushIn(transaction: Transaction): Promise<void> {
    if (this.list?.isOpen) {
      throw new TaskArgumentError(alreadyEnqueued());
    }
    await this.list?.flushIn(transaction);
  }

  discard(): void {
    this.list?.discard();
  }
}
