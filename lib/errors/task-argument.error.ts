import { BackgroundTasksError } from './background-tasks.error.ts';

/**
 * `addTask` or `start` was called with something that can't be run. Thrown at the call, so that its caller learns of it.
 *
 * @since 0.1.0
 */
export class TaskArgumentError extends BackgroundTasksError {}
