import { HttpException, HttpStatus } from '@nestjs/common';
import { BackgroundTasksError } from './background-tasks.error.ts';

/** What the client of a 503 gets: no more than Nest's own answer says. */
export const UNAVAILABLE_BODY = { statusCode: HttpStatus.SERVICE_UNAVAILABLE, message: 'Service Unavailable' };

/**
 * Something can't be done now, but may work later. Nest answers 503 when a handler doesn't catch it. The client sees only
 * "Service Unavailable": the message describes the application, so it is for your log.
 *
 * @since 0.1.0
 */
export abstract class UnavailableError extends HttpException {
  /** Stays the same in every version. `docs/errors.md` lists each code with its cause and remedy. */
  abstract readonly code: string;

  // Exception filters that know the package http-errors read this property.
  readonly statusCode: number = HttpStatus.SERVICE_UNAVAILABLE;

  constructor(message: string, options?: ErrorOptions) {
    super({ ...UNAVAILABLE_BODY }, HttpStatus.SERVICE_UNAVAILABLE, options);
    this.message = message;
    BackgroundTasksError.adopt(this);
  }
}

export const shuttingDown = (name: string) =>
  `Task "${name}" was not accepted: the application is shutting down. Try again: another process can take it.`;

/**
 * The application is shutting down and accepts no new task. `addTask` and `start` throw it. A response to `addTask` has
 * the header `Retry-After`.
 *
 * @since 0.1.0
 */
export class ShuttingDownError extends UnavailableError {
  readonly code = 'BACKGROUND_TASKS_SHUTTING_DOWN';
}

/**
 * As many tasks are waiting or running as the options allow. `addTask` and `start` throw it. A response to `addTask` has
 * the header `Retry-After`.
 *
 * @since 0.1.0
 */
export class TooManyTasksError extends UnavailableError {
  readonly code = 'BACKGROUND_TASKS_TOO_MANY';
}

/**
 * A queue could not enqueue durable tasks, or could not read or change one, or can't run one.
 *
 * @since 0.1.0
 */
export class TaskQueueError extends UnavailableError {
  readonly code = 'BACKGROUND_TASKS_QUEUE';
}

/**
 * The store of task records could not be read. The tasks themselves are not affected.
 *
 * @since 0.1.0
 */
export class TaskStoreError extends UnavailableError {
  readonly code = 'BACKGROUND_TASKS_STORE';
}
