import { BackgroundTasksError } from './background-tasks.error.ts';

/**
 * Reports that the application imports a module of this package wrongly, or lacks one.
 *
 * It also reports a missing package that a feature needs.
 *
 * @since 0.1.0
 */
export class ModuleImportError extends BackgroundTasksError {
  readonly code = 'BACKGROUND_TASKS_MODULE';
}

/**
 * Reports that the application runs on an HTTP platform other than Express or Fastify.
 *
 * @since 0.1.0
 */
export class UnsupportedPlatformError extends BackgroundTasksError {
  readonly code = 'BACKGROUND_TASKS_PLATFORM';
}
