import type { BackgroundTask } from '../task/background-task.ts';
import type { TaskCall } from '../task/task-call.ts';
import type { OnFailure, RunOn } from '../task/task-options.ts';

/** A task that waits for its turn, with what running it takes and what is let go of afterwards. */
export interface QueuedTask {
  readonly task: BackgroundTask;
  readonly call: TaskCall;
  readonly runOn: RunOn;
  readonly onFailure: OnFailure;
  /** ms of one attempt. */
  readonly timeout: number | undefined;
}
