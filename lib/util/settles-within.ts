/**
 * Waits for a promise, but no longer than so many ms.
 *
 * @param isKept whether the timer keeps the process alive
 * @returns whether the promise resolved in time; rejects if the promise rejects in time
 */
export function settlesWithin(promise: Promise<unknown>, ms: number, isKept = true): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, Math.max(0, ms), false);
    if (!isKept) {
      timer.unref();
    }
    promise.then(() => resolve(true), reject).finally(() => clearTimeout(timer));
  });
}
