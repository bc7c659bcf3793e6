import { BackgroundTasksError } from '../errors/background-tasks.error.ts';
import type { TaskRecord } from '../task/model/task-record.ts';
import { drainTimedOut } from './engine.messages.ts';

/**
 * Tasks had not settled when the timeout of `TaskRunner.drain(timeout)` was over. They go on.
 *
 * @since 0.1.0
 */
export class DrainTimeoutError extends BackgroundTasksError {
  readonly code = 'BACKGROUND_TASKS_DRAIN_TIMEOUT';

  constructor(
    /** ms */
    readonly timeout: number,
    /** The tasks that had not settled. */
    readonly tasks: readonly TaskRecord[],
  ) {
    super(drainTimedOut(timeout, tasks));
  }
}
