import { BackgroundTasksError } from './background-tasks.error.ts';

/**
 * There is no room for another task. Thrown by `addTask` and `start`; a handler that doesn't catch it answers 503.
 *
 * @since 0.1.0
 */
export class TooManyTasksError extends BackgroundTasksError {
  // These make Nest, Express and Fastify answer as for an error of `http-errors` where nobody catches it.
  readonly status = 503;
  readonly statusCode = 503;
  readonly expose = false;
}
