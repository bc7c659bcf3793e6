import { drainTimedOut } from '../messages.ts';
import type { TaskRecord } from '../task/task-record.ts';
import { BackgroundTasksError } from './background-tasks.error.ts';

/**
 * `TaskRunner.drain(timeout)` ran out of time. Nothing was stopped: the tasks go on.
 *
 * @since 0.1.0
 */
export class DrainTimeoutError extends BackgroundTasksError {
  constructor(
    readonly timeout: number,
    /** The tasks that had not settled. */
    readonly tasks: readonly TaskRecord[],
  ) {
    super(drainTimedOut(timeout, tasks));
  }
}
