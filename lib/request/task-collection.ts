import type { TaskList } from '../engine/task-list.ts';
import type { TaskCall } from '../task/call/task-call.ts';
import type { TaskOptions } from '../task/definition/task-options.ts';
import type { BackgroundTask } from '../task/handle/background-task.ts';

/** Where tasks are added: there is no list of them before the first. */
export interface TaskCollection {
  readonly current?: TaskList | undefined;
  store(outcome: 'success' | 'failure'): Promise<void>;
  add(call: TaskCall, options: TaskOptions): BackgroundTask;
}
