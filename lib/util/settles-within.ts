/**
 * Whether a promise resolves within so many ms. Rejects if it does so within them.
 *
 * @param isKept whether the process is to be kept alive for it
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
