import { taskCancelled } from '../messages.ts';
import { BackgroundTasksError } from './background-tasks.error.ts';
import { withoutFrames } from './describe.ts';

/**
 * A task was cancelled. The reason of its signal, and then the task's error.
 *
 * @since 0.1.0
 */
export class TaskCancelledError extends BackgroundTasksError {
  constructor(
    readonly taskName: string,
    /** By whom or what, as it completes the sentence "it was cancelled …". */
    readonly by: string,
  ) {
    super(taskCancelled(taskName, by));
    this.stack = withoutFrames(this);
  }
}
