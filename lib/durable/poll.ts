import type { RetryOptions } from '../util/retry-until.ts';

/**
 * How often the record of a task is read again while it has not settled. A queue removes its oldest completed tasks, and keeps
 * about 10,000 events: within one pause, the event of a task that is gone must not get lost.
 */
export const POLL = { delay: 20, factor: 1.5, maxDelay: 500, unref: true } as const satisfies RetryOptions;
