import { UnavailableError } from './unavailable.error.ts';

/**
 * Tasks could not be stored in their queue, or it could not be asked about one. Nothing was stored. A handler that doesn't
 * catch it answers 503.
 *
 * @since 0.2.0
 */
export class TaskQueueError extends UnavailableError {}
