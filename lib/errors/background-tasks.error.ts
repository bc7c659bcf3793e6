import { read } from '../util/inspect.ts';

const brand = Symbol.for('nestjs-background-tasks.error');

/**
 * The class of every error of this package.
 *
 * @example
 * if (error instanceof BackgroundTasksError && error.code === 'BACKGROUND_TASKS_TOO_MANY') { … }
 *
 * @since 0.1.0
 */
export abstract class BackgroundTasksError extends Error {
  /** Stable, and listed with its cause and remedy in `docs/errors.md`. */
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    BackgroundTasksError.adopt(this);
  }

  // Some have to extend Nest's HttpException, which this class must not: threads load it, and they don't load Nest.
  static override [Symbol.hasInstance](this: unknown, value: unknown): boolean {
    return this === BackgroundTasksError
      ? typeof value === 'object' && value !== null && read(value, brand) === true
      : Function.prototype[Symbol.hasInstance].call(this, value);
  }

  /** @internal makes an error one of this package that extends another class */
  static adopt(error: Error): void {
    Object.defineProperty(error, brand, { value: true });
  }
}
