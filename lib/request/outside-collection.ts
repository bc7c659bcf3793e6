import { alreadyEnqueued } from '../durable/durable.messages.ts';
import { EnqueuesByAttempt } from '../engine/pending-enqueues.ts';
import type { TaskEngine } from '../engine/task-engine.ts';
import { TaskArgumentError } from '../errors/task.errors.ts';
import type { TaskCall } from '../task/call/task-call.ts';
import type { TaskOptions } from '../task/definition/task-options.ts';
import type { BackgroundTask } from '../task/handle/background-task.ts';
import { currentTask } from '../task/handle/current-task.ts';
import type { TaskCollection } from './task-collection.ts';

/**
 * The tasks that one `BackgroundTasks` adds where there is no request: they start at once, and none waits for another.
 * `flush` waits for those of the running task; outside of tasks, for all the others.
 */
export class OutsideCollection implements TaskCollection {
  readonly #enqueues = new EnqueuesByAttempt();

  constructor(private readonly engine: TaskEngine) {}

  add(call: TaskCall, options: TaskOptions): BackgroundTask {
    const list = this.engine.createOpenList();
    const task = list.add(call, options);
    if (list.mustFlush(undefined)) {
      this.#enqueues.of(currentTask()).add(list.flush(undefined));
    }
    return task;
  }

  flush(): Promise<void> {
    return this.#enqueues.of(currentTask()).settle();
  }

  /** @throws TaskArgumentError */
  async flushIn(): Promise<void> {
    throw new TaskArgumentError(alreadyEnqueued());
  }

  discard(): void {
    // Every task has started, or is on its way into its queue.
  }
}
