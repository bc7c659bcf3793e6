import { BackgroundTasksError } from './background-tasks.error.ts';

/**
 * The application runs on an HTTP platform whose requests this version doesn't understand.
 *
 * @since 0.1.0
 */
export class UnsupportedPlatformError extends BackgroundTasksError {}
