import { BackgroundTasksError } from './background-tasks.error.ts';

/**
 * The application imports a module of this package wrongly, or lacks a module or package that a feature needs.
 *
 * @since 0.1.0
 */
export class ModuleImportError extends BackgroundTasksError {
  readonly code = 'BACKGROUND_TASKS_MODULE';
}

/**
 * The application runs on an HTTP platform other than Express or Fastify.
 *
 * @since 0.1.0
 */
export class UnsupportedPlatformError extends BackgroundTasksError {
  readonly code = 'BACKGROUND_TASKS_PLATFORM';
}
