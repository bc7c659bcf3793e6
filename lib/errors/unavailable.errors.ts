import { HttpException, HttpStatus } from '@nestjs/common';
import { BackgroundTasksError } from './background-tasks.error.ts';

/**
 * Something can't be done now, and may be later. An `HttpException`, so that a handler that doesn't catch it answers 503;
 * what its message says of the application is for its log, and not for the client.
 *
 * @since 0.1.0
 */
export abstract class UnavailableError extends HttpException {
  /** Stable, and listed with its cause and remedy in `docs/errors.md`. */
  abstract readonly code: string;

  // For exception filters that know errors of `http-errors`.
  readonly statusCode: number = HttpStatus.SERVICE_UNAVAILABLE;

  constructor(message: string, options?: ErrorOptions) {
    super(
      { statusCode: HttpStatus.SERVICE_UNAVAILABLE, message: 'Service Unavailable' },
      HttpStatus.SERVICE_UNAVAILABLE,
      options,
    );
    this.message = message;
    BackgroundTasksError.adopt(this);
  }
}

export const shuttingDown = (name: string) =>
  `Task "${name}" was not accepted: the application is shutting down. Try again: another process will take it.`;

/**
 * The application is shutting down, and so accepts no new task. Thrown by `addTask` and `start`; a handler that doesn't
 * catch it answers 503, for `addTask` with `Retry-After`.
 *
 * @since 0.1.0
 */
export class ShuttingDownError extends UnavailableError {
  readonly code = 'BACKGROUND_TASKS_SHUTTING_DOWN';
}

/**
 * Tasks could not be stored in their queue, or it could not be asked about one. Nothing was stored. A handler that doesn't
 * catch it answers 503.
 *
 * @since 0.2.0
 */
export class TaskQueueError extends UnavailableError {
  readonly code = 'BACKGROUND_TASKS_QUEUE';
}

/**
 * The store of task records could not be read. Tasks are not touched by that. A handler that doesn't catch it answers 503.
 *
 * @since 0.1.0
 */
export class TaskStoreError extends UnavailableError {
  readonly code = 'BACKGROUND_TASKS_STORE';
}

/**
 * There is no room for another task. Thrown by `addTask` and `start`; a handler that doesn't catch it answers 503, for
 * `addTask` with `Retry-After`.
 *
 * @since 0.1.0
 */
export class TooManyTasksError extends UnavailableError {
  readonly code = 'BACKGROUND_TASKS_TOO_MANY';
}
