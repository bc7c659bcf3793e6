import { HttpException, HttpStatus } from '@nestjs/common';
import { BackgroundTasksError } from './background-tasks.error.ts';

/** What the client of a 503 gets: no more than Nest's own answer says. */
export const UNAVAILABLE_BODY = { statusCode: HttpStatus.SERVICE_UNAVAILABLE, message: 'Service Unavailable' };

/**
 * The type of errors for what can't be done now, but may work later. If a handler doesn't catch one, Nest answers 503.
 * The client sees only "Service Unavailable", because the message describes the application: it is for your log.
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
 * The application is shutting down and accepts no new task. `addTask` and `start` throw it. If the request of `addTask`
 * gets a 503, the response has the header `Retry-After`.
 *
 * @since 0.1.0
 */
export class ShuttingDownError extends UnavailableError {
  readonly code = 'BACKGROUND_TASKS_SHUTTING_DOWN';
}

/**
 * As many tasks are waiting or running as the options allow. `addTask` and `start` throw it. If the request of `addTask`
 * gets a 503, the response has the header `Retry-After`.
 *
 * @since 0.1.0
 */
export class TooManyTasksError extends UnavailableError {
  readonly code = 'BACKGROUND_TASKS_TOO_MANY';
}

/**
 * A queue could not enqueue, find, list, cancel or retry durable tasks, or a worker could not run one.
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
