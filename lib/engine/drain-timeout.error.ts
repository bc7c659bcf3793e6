import { BackgroundTasksError } from '../errors/background-tasks.error.ts';
import type { TaskRecord } from '../task/model/task-record.ts';
import { drainTimedOut } from './engine.messages.ts';

/**
 * Reports that tasks had not settled when the time of `TaskRunner.drain(timeout)` was over.
 *
 * These tasks go on.
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
