import { BackgroundTasksError } from './background-tasks.error.ts';

/**
 * The store of task records could not be read. Tasks are not touched by that.
 *
 * @since 0.1.0
 */
export class TaskStoreError extends BackgroundTasksError {}
