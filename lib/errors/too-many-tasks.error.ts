import { UnavailableError } from './unavailable.error.ts';

/**
 * There is no room for another task. Thrown by `addTask` and `start`; a handler that doesn't catch it answers 503, for
 * `addTask` with `Retry-After`.
 *
 * @since 0.1.0
 */
export class TooManyTasksError extends UnavailableError {}
