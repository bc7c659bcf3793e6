import { walk } from './walk.ts';

/** The main thread can read about 1,500 levels, and fewer if the process has a small stack. */
const MAX_DEPTH = 1_000;

/**
 * Clones a value that a thread sends to the main thread. The main thread has a smaller stack than other threads: it drops a
 * message that is nested too deeply without an error, and the receiver would wait forever. So this throws first.
 *
 * @throws DataCloneError, or a RangeError if the value is nested too deeply
 */
export function cloneForMainThread<T>(value: T, transfer: ArrayBuffer[] = []): T {
  if (isPrimitive(value)) {
    return value;
  }
  walk(value, () => undefined, MAX_DEPTH);
  return structuredClone(value, { transfer });
}

/** Whether a value needs no clone, because it is the same in every thread. A symbol is not: it can't be cloned. */
export function isPrimitive(value: unknown): boolean {
  return value === null || !['object', 'function', 'symbol'].includes(typeof value);
}
