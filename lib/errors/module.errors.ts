import { BackgroundTasksError } from './background-tasks.error.ts';

/**
 * `BackgroundTasksModule` was imported more than once in an application, or without `forRoot`.
 *
 * @since 0.1.0
 */
export class ModuleImportError extends BackgroundTasksError {
  readonly code = 'BACKGROUND_TASKS_MODULE';
}

/**
 * The application runs on an HTTP platform whose requests this version doesn't understand.
 *
 * @since 0.1.0
 */
export class UnsupportedPlatformError extends BackgroundTasksError {
  readonly code = 'BACKGROUND_TASKS_PLATFORM';
}
