import { UnavailableError } from './unavailable.error.ts';

/**
 * The application is shutting down, and so accepts no new task. Thrown by `addTask` and `start`; a handler that doesn't
 * catch it answers 503, for `addTask` with `Retry-After`.
 *
 * @since 0.1.0
 */
export class ShuttingDownError extends UnavailableError {}
