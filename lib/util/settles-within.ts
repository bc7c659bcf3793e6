import { clearTimeout, setTimeout } from './timers.ts';

/**
 * Waits for a promise, for at most `ms`.
 *
 * @param unref whether the process may end while this waits
 * @returns whether the promise resolved in time; rejects if the promise rejects in time
 */
export function settlesWithin(promise: Promise<unknown>, ms: number, { unref = false } = {}): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, Math.max(0, ms), false);
    if (unref) {
      timer.unref();
    }
    promise.then(() => resolve(true), reject).finally(() => clearTimeout(timer));
  });
}
