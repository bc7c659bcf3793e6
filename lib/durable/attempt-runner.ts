import type { TaskCall } from '../task/call/task-call.ts';
import type { TaskOptions } from '../task/definition/task-options.ts';
import { BackgroundTask, type RestoredTask } from '../task/handle/background-task.ts';

/** The attempt of a stored task. */
export interface StoredRun {
  readonly call: TaskCall;
  readonly restored: RestoredTask;
  readonly options: TaskOptions;
  /** Is to hear of its progress. */
  readonly observer: { progressed(task: BackgroundTask): void };
}
