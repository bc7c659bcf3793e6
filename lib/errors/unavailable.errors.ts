import { HttpException, HttpStatus } from '@nestjs/common';
import { BackgroundTasksError } from './background-tasks.error.ts';

/** What the client of a 503 gets. Like Nest's own answer, it tells nothing about the application. */
export const UNAVAILABLE_BODY = { statusCode: HttpStatus.SERVICE_UNAVAILABLE, message: 'Service Unavailable' };

/**
 * Is the base type of errors for what can't be done now, but may work later.
 *
 * If a handler doesn't catch one, Nest answers 503. The client sees only "Service Unavailable", because the message
 * describes the application: it is for your log.
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
 * Reports that the application is shutting down and accepts no new task.
 *
 * `addTask` and `start` throw it. If the request of `addTask` gets a 503, the response has the header `Retry-After`.
 *
 * @since 0.1.0
 */
export class ShuttingDownError extends UnavailableError {
  readonly code = 'BACKGROUND_TASKS_SHUTTING_DOWN';
}

/**
 * Reports that as many tasks are waiting or running as the options allow.
 *
 * `addTask` and `start` throw it. If the request of `addTask` gets a 503, the response has the header `Retry-After`.
 *
 * @since 0.1.0
 */
export class TooManyTasksError extends UnavailableError {
  readonly code = 'BACKGROUND_TASKS_TOO_MANY';
}

/**
 * Reports that a queue failed: to enqueue, find, list, cancel or retry tasks, or to run one.
 *
 * @since 0.1.0
 */
export class TaskQueueError extends UnavailableError {
  readonly code = 'BACKGROUND_TASKS_QUEUE';
}

/**
 * Reports that the record store could not be read. The tasks themselves are not affected.
 *
 * @since 0.1.0
 */
export class TaskStoreError extends UnavailableError {
  readonly code = 'BACKGROUND_TASKS_STORE';
}
