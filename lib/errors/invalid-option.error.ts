import { BackgroundTasksError } from './background-tasks.error.ts';

/**
 * An option of the module or of a task has an unknown name or a wrong value.
 *
 * @since 0.1.0
 */
export class InvalidOptionError extends BackgroundTasksError {}
