import { BackgroundTasksError } from './background-tasks.error.ts';

/**
 * There is no room for another task. Thrown by `addTask` and `start`; a handler that doesn't catch it answers 503.
 *
 * @since 0.2.0
 */
export class TooManyTasksError extends BackgroundTasksError {
  /** What Nest, as Express and Fastify, answers with where nobody catches the error. */
  readonly statusCode = 503;
}
