import { BackgroundTasksError } from './background-tasks.error.ts';

/**
 * `defineTask` was given something that can't become a task. Thrown where the task is defined.
 *
 * @since 0.1.0
 */
export class DefineTaskError extends BackgroundTasksError {}
