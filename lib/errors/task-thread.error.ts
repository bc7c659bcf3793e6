import { BackgroundTasksError } from './background-tasks.error.ts';

/**
 * A task failed on account of its thread: it could not start, could not load the task, or ended under it.
 *
 * @since 0.1.0
 */
export class TaskThreadError extends BackgroundTasksError {}
