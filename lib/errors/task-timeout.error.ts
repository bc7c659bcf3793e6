import { taskTimedOut } from '../messages.ts';
import { BackgroundTasksError } from './background-tasks.error.ts';
import { withoutFrames } from './describe.ts';

/**
 * An attempt of a task ran out of time. The reason of the task's signal, and then the task's error.
 *
 * @since 0.1.0
 */
export class TaskTimeoutError extends BackgroundTasksError {
  constructor(
    readonly taskName: string,
    /** ms that the attempt had. */
    readonly timeout: number,
  ) {
    super(taskTimedOut(taskName, timeout));
    this.stack = withoutFrames(this);
  }
}
