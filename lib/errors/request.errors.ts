import { HttpException, HttpStatus } from '@nestjs/common';
import { BackgroundTasksError } from './background-tasks.error.ts';

/**
 * Reports a mistake in what a client has asked for.
 *
 * If a handler doesn't catch it, the client gets its status and its message.
 */
abstract class RequestError extends HttpException {
  /** Stays the same in every version. `docs/errors.md` lists each code with its cause and remedy. */
  abstract readonly code: string;

  // Exception filters that know the package http-errors read this property.
  readonly statusCode: number;

  constructor(message: string, status: HttpStatus, error: string, options?: ErrorOptions) {
    super({ statusCode: status, message, error }, status, options);
    this.statusCode = status;
    this.message = message;
    BackgroundTasksError.adopt(this);
  }
}

/**
 * Reports an unknown name or a wrong value in the filter of `TaskRegistry.list`.
 *
 * It can come from the query of a request. If a handler doesn't catch it, Nest answers 400, and the client sees the
 * message.
 *
 * @since 0.1.0
 */
export class TaskFilterError extends RequestError {
  readonly code = 'BACKGROUND_TASKS_FILTER';

  constructor(message: string, options?: ErrorOptions) {
    super(message, HttpStatus.BAD_REQUEST, 'Bad Request', options);
  }
}

/**
 * Reports that no task with this id is known, or that it is no longer kept.
 *
 * `TaskRegistry.follow` emits it. If nothing catches it before the response has begun, Nest answers 404.
 *
 * @since 0.1.0
 */
export class TaskNotFoundError extends RequestError {
  readonly code = 'BACKGROUND_TASKS_NOT_FOUND';

  constructor(message: string, options?: ErrorOptions) {
    super(message, HttpStatus.NOT_FOUND, 'Not Found', options);
  }
}
