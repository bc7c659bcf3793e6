import { types } from 'node:util';
import { classNameOf } from '../errors/describe.ts';

/**
 * What a value holds that serialisers leave out without a word, so that the task would get less than it was given.
 *
 * @returns undefined if there is no such thing in it
 */
export function unstorableIn(value: unknown, seen = new Set<unknown>()): string | undefined {
  if (typeof value === 'function' || typeof value === 'symbol') {
    return `a ${typeof value}`;
  }
  if (typeof value !== 'object' || value === null || seen.has(value) || isBytes(value)) {
    return undefined;
  }
  if (types.isPromise(value)) {
    return 'a promise';
  }
  if (types.isWeakMap(value) || types.isWeakSet(value)) {
    return 'what is held weakly';
  }
  if (value instanceof Date && Number.isNaN(Number(value))) {
    return 'an invalid Date';
  }
  if (Object.keys(value).length === 0 && !isKnown(value)) {
    return `what can't be read of it (${classNameOf(value)})`;
  }
  seen.add(value);
  for (const held of heldBy(value)) {
    const unstorable = unstorableIn(held, seen);
    if (unstorable) {
      return unstorable;
    }
  }
  return undefined;
}

/** Also where it has no properties of its own. */
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

function heldBy(value: object): Iterable<unknown> {
  if (value instanceof Map) {
    return [...value.keys(), ...value.values()];
  }
  return value instanceof Set ? value : Object.values(value);
}
