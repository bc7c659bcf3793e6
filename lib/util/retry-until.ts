import { sleep } from './timers.ts';

export interface RetryOptions {
  /** ms to wait after the first try. */
  readonly delay: number;
  /** Each wait is this many times as long as the one before. Default: 1. */
  readonly factor?: number;
  /** The longest wait, in ms. Default: no limit. */
  readonly maxDelay?: number;
  /** Called before each try. `true` ends the loop. */
  readonly shouldStop?: () => boolean;
  /** Whether the process may end during a wait. Default: false. */
  readonly unref?: boolean;
}

/**
 * Calls a function again and again until it returns something other than `undefined`.
 *
 * @param tryOnce rejects to give up; to ask for another try, it catches its error and returns `undefined`
 * @returns what the last try returned; `undefined` if `shouldStop` ended the loop
 */
export function retryUntil<T>(
  tryOnce: () => Promise<T | undefined>,
  options: RetryOptions & { readonly shouldStop?: never },
): Promise<T>;
export function retryUntil<T>(tryOnce: () => Promise<T | undefined>, options: RetryOptions): Promise<T | undefined>;
export async function retryUntil<T>(
  tryOnce: () => Promise<T | undefined>,
  { delay, factor = 1, maxDelay = Infinity, shouldStop, unref = false }: RetryOptions,
): Promise<T | undefined> {
  for (let wait = delay; ; wait = Math.min(maxDelay, wait * factor)) {
    if (shouldStop?.()) {
      return undefined;
    }
    const value = await tryOnce();
    if (value !== undefined) {
      return value;
    }
    await sleep(wait, undefined, { ref: !unref });
  }
}
