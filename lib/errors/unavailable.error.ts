import { HttpException, HttpStatus } from '@nestjs/common';
import { BackgroundTasksError } from './background-tasks.error.ts';

/**
 * Something can't be done now, and may be later. An `HttpException`, so that a handler that doesn't catch it answers 503;
 * what its message says of the application is for its log, and not for the client.
 *
 * @since 0.1.0
 */
export abstract class UnavailableError extends HttpException {
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
