import { MAX_TIMER, milliseconds, numberBetween, oneOf, type OptionRules } from '../../validation/option-rules.ts';

/**
 * How long to wait between attempts, in BullMQ's words.
 *
 * @since 0.1.0
 */
export interface Backoff {
  /** `fixed`: `delay` each time. `exponential`: twice as long each time, so `delay * 2 ** (attempt - 1)`. */
  type: 'fixed' | 'exponential';
  /** ms. */
  delay: number;
  /**
   * From 0 to 1: which part of the wait is left to chance, so that what failed together is not tried again together. 0.5
   * of 1_000 ms: something from 500 to 1_000 ms. Default: 0.
   */
  jitter?: number;
}

export const backoffRules: OptionRules<Backoff> = {
  type: oneOf('fixed', 'exponential'),
  delay: milliseconds,
  jitter: numberBetween(0, 1),
};

/** ms to wait after so many attempts. */
export function backoffDelay(backoff: Backoff | undefined, attempts: number, random = Math.random): number {
  // Twice as long often enough is infinite, of which nothing is no number.
  if (!backoff?.delay) {
    return 0;
  }
  const { type, delay, jitter = 0 } = backoff;
  const whole = type === 'fixed' ? delay : delay * 2 ** (attempts - 1);
  return Math.min(MAX_TIMER, Math.round(whole * (1 - jitter * random())));
}
