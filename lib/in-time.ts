import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Whether a promise resolves within so many ms. Rejects if it does so within them.
 *
 * @param isKept whether the process is to be kept alive for it
 */
export async function isInTime(promise: Promise<unknown>, ms: number, isKept = true): Promise<boolean> {
  const settled = new AbortController();
  try {
    return await Promise.race([
      promise.then(() => true),
      sleep(Math.max(0, ms), false, { signal: settled.signal, ref: isKept }).catch(() => false),
    ]);
  } finally {
    settled.abort();
  }
}
