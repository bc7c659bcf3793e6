import { read } from '../util/inspect.ts';

/** Shared by all copies of this package in a process, so that each copy recognises the errors of the others. */
const brand = Symbol.for('nestjs-background-tasks.error');

/**
 * Is the base type of every error of this package. Use it with `instanceof`.
 *
 * @example
 * if (error instanceof BackgroundTasksError && error.code === 'BACKGROUND_TASKS_TOO_MANY') { … }
 *
 * @since 0.1.0
 */
export abstract class BackgroundTasksError extends Error {
  /** Stays the same in every version. `docs/errors.md` lists each code with its cause and remedy. */
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    BackgroundTasksError.adopt(this);
  }

  // `UnavailableError` extends Nest's HttpException. It can't extend this class too, and threads load this class but not Nest.
  static override [Symbol.hasInstance](this: unknown, value: unknown): boolean {
    return this === BackgroundTasksError
      ? typeof value === 'object' && value !== null && read(value, brand) === true
      : Function.prototype[Symbol.hasInstance].call(this, value);
  }

  /** @internal marks an error of this package that extends another class */
  static adopt(error: Error): void {
    Object.defineProperty(error, brand, { value: true });
  }
}
