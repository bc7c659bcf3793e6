import { MAX_DELAY, numberBetween, oneOf, type OptionRules, queueDelay } from '../../validation/option-rules.ts';

/**
 * Says how long to wait between attempts. Uses the same names as BullMQ.
 *
 * @since 0.1.0
 */
export interface Backoff {
  /**
   * Sets how the wait grows.
   *
   * `fixed`: waits `delay` each time. `exponential`: doubles the wait each time: `delay * 2 ** (attempt - 1)`.
   */
  type: 'fixed' | 'exponential';
  /**
   * Sets the first wait, in ms: from 0 to 2,147,483,647 (24.8 days), or with a `queue` to 10 years.
   *
   * No later wait is longer than 10 years.
   */
  delay: number;
  /**
   * Sets which part of the wait is random, from 0 to 1.
   *
   * Then tasks that failed together don't retry together. With `0.5`, a wait of 1,000 ms becomes 500 to 1,000 ms.
   *
   * @default 0
   */
  jitter?: number;
}

export const backoffRules: OptionRules<Backoff> = {
  type: oneOf('fixed', 'exponential'),
  delay: queueDelay,
  jitter: numberBetween(0, 1),
};

/** The wait in ms after the attempt with this number. */
export function backoffDelay(backoff: Backoff | undefined, attempts: number, random = Math.random): number {
  // `2 ** n` becomes Infinity after many attempts, and 0 * Infinity is NaN.
  if (!backoff?.delay) {
    return 0;
  }
  const { type, delay, jitter = 0 } = backoff;
  const whole = type === 'fixed' ? delay : delay * 2 ** (attempts - 1);
  return Math.min(MAX_DELAY, Math.round(whole * (1 - jitter * random())));
}
