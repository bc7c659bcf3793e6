import { alreadyEnqueued } from '../durable/durable.messages.ts';
import { PendingEnqueues } from '../engine/pending-enqueues.ts';
import type { TaskEngine } from '../engine/task-engine.ts';
import { TaskArgumentError } from '../errors/task.errors.ts';
import type { TaskCall } from '../task/call/task-call.ts';
import type { TaskOptions } from '../task/definition/task-options.ts';
import type { BackgroundTask } from '../task/handle/background-task.ts';
import { type CurrentTask, currentTask } from '../task/handle/current-task.ts';
import type { TaskCollection } from './task-collection.ts';

/**
 * The tasks that one `BackgroundTasks` adds where there is no request: they start at once, and none waits for another.
 * `flush` waits for those of the running task; outside of tasks, for all the others.
 */
export class OutsideCollection implements TaskCollection {
  /** By the running attempt that added them. */
  readonly #ofAttempts = new WeakMap<CurrentTask, PendingEnqueues>();
  readonly #ofOthers = new PendingEnqueues();

  constructor(private readonly engine: TaskEngine) {}

  add(call: TaskCall, options: TaskOptions): BackgroundTask {
    const list = this.engine.createOpenList();
    const task = list.add(call, options);
    if (list.mustFlush(undefined)) {
      this.#enqueues().add(list.flush(undefined));
    }
    return task;
  }

  flush(): Promise<void> {
    return this.#enqueues().settle();
  }

  /** @throws TaskArgumentError */
  async flushIn(): Promise<void> {
    throw new TaskArgumentError(alreadyEnqueued());
  }

  discard(): void {
    // Every task has started, or is on its way into its queue.
  }

  #enqueues(): PendingEnqueues {
    const attempt = currentTask();
    if (!attempt) {
      return this.#ofOthers;
    }
    let enqueues = this.#ofAttempts.get(attempt);
    if (!enqueues) {
      this.#ofAttempts.set(attempt, (enqueues = new PendingEnqueues()));
    }
    return enqueues;
  }
}
