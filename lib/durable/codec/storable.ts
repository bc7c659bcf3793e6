import { types } from 'node:util';
import { classNameOf } from '../../util/inspect.ts';
import { walk } from '../../util/walk.ts';

/**
 * Finds the first part of a value that serialisers drop without an error. The task would get less than it was given.
 *
 * @returns what it is, for a message; `undefined` if there is none
 */
export function unstorableIn(value: unknown): string | undefined {
  return walk(value, unstorable);
}

function unstorable(part: unknown): string | undefined {
  if (typeof part === 'function' || typeof part === 'symbol') {
    return `a ${typeof part}`;
  }
  if (typeof part !== 'object' || part === null || isBytes(part)) {
    return undefined;
  }
  if (types.isPromise(part)) {
    return 'a promise';
  }
  if (types.isWeakMap(part) || types.isWeakSet(part)) {
    return `a ${types.isWeakMap(part) ? 'WeakMap' : 'WeakSet'}`;
  }
  if (part instanceof Date && Number.isNaN(Number(part))) {
    return 'an invalid Date';
  }
  if (Object.keys(part).length === 0 && !isKnown(part)) {
    return `an object whose content can't be read (${classNameOf(part)})`;
  }
  return undefined;
}

/** Whether serialisers know the class of an object that has no properties of its own. */
function isKnown(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return (
    prototype === null ||
    prototype === Object.prototype ||
    [Array, Map, Set, Date, RegExp, URL, Error].some((known) => value instanceof known)
  );
}

export function isBytes(value: unknown): value is ArrayBuffer | ArrayBufferView {
  return ArrayBuffer.isView(value) || types.isArrayBuffer(value);
}
