import { BackgroundTasksError } from './background-tasks.error.ts';

/**
 * `BackgroundTasksModule` was imported more than once in an application, or without `forRoot`.
 *
 * @since 0.1.0
 */
export class ModuleImportError extends BackgroundTasksError {}
