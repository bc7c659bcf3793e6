import { UnavailableError } from './unavailable.error.ts';

/**
 * The store of task records could not be read. Tasks are not touched by that. A handler that doesn't catch it answers 503.
 *
 * @since 0.1.0
 */
export class TaskStoreError extends UnavailableError {}
