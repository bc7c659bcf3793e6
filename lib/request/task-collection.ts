import type { Transaction } from '../durable/transaction.ts';
import type { TaskList } from '../engine/task-list.ts';
import type { TaskCall } from '../task/call/task-call.ts';
import type { TaskOptions } from '../task/definition/task-options.ts';
import type { BackgroundTask } from '../task/handle/background-task.ts';

/** Where `BackgroundTasks` adds its tasks. */
export interface TaskCollection {
  /** `undefined` until the first task is added: a request without tasks makes no list. */
  readonly list?: TaskList | undefined;

  add(call: TaskCall, options: TaskOptions): BackgroundTask;

  /** Enqueues the durable tasks that run after such an outcome. */
  flush(outcome: 'success' | 'failure'): Promise<void>;

  /** Enqueues the durable tasks that run on success in the application's own transaction. */
  flushIn(transaction: Transaction): Promise<void>;

  /** Skips the tasks that have not started and are not in a queue. */
  discard(): void;
}
