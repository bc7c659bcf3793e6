import { types } from 'node:util';
import { isError, kindOf } from './inspect.ts';
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
  const type = typeof value;
  return value === null || (type !== 'object' && type !== 'function' && type !== 'symbol');
}

/** What V8 says about memory, and what `cloneForMainThread` says. V8's other messages repeat the code of a function. */
const ABOUT_FORM = /^((An )?ArrayBuffer [\w ]+|It is nested more than \d+ levels deep)\.?$/;

/** Why a value can't be cloned, without showing it. */
export function reasonNotCloned(error: unknown, value: unknown): string {
  const message = isError(error) ? error.message : '';
  if (ABOUT_FORM.test(message)) {
    return message;
  }
  const held = uncloneableIn(value);
  return held === undefined ? `cloning throws: ${isError(error) ? error.name : typeof error}` : `it holds ${held}`;
}

function uncloneableIn(value: unknown): string | undefined {
  try {
    return walk(value, (part) => {
      const isUncloneable =
        ['function', 'symbol'].includes(typeof part) ||
        types.isPromise(part) ||
        types.isWeakMap(part) ||
        types.isWeakSet(part) ||
        types.isProxy(part);
      return isUncloneable ? kindOf(part) : undefined;
    });
  } catch {
    // A getter threw.
    return undefined;
  }
}
