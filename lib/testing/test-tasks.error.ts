import { BackgroundTasksError } from '../errors/background-tasks.error.ts';

/**
 * Reports that a test expected other tasks than were added, or waited too long for one.
 *
 * @since 0.1.0
 */
export class TestTasksError extends BackgroundTasksError {
  readonly code = 'BACKGROUND_TASKS_TEST';
}
