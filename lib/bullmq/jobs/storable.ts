import { types } from 'node:util';
import { classNameOf } from '../../util/inspect.ts';

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
/** Keys that are no plain data to an object. */
const SPECIAL = new Set(['__proto__', 'constructor', 'prototype']);

/** Whether JSON by itself gives back just this: nothing in it is anything else, or is there twice. */
export function isPlainJson(value: unknown, seen = new Set<object>()): boolean {
  if (typeof value === 'number') {
    return Number.isFinite(value) && !Object.is(value, -0);
  }
  if (typeof value !== 'object' || value === null) {
    return typeof value === 'string' || typeof value === 'boolean' || value === null;
  }
  if (seen.has(value)) {
    return false;
  }
  seen.add(value);
  if (Array.isArray(value)) {
    // Not by `every`, which passes over holes.
    return !value.includes(undefined) && value.every((it) => isPlainJson(it, seen));
  }
  return (
    Object.getPrototypeOf(value) === Object.prototype &&
    Object.entries(value).every(([key, it]) => !SPECIAL.has(key) && isPlainJson(it, seen))
  );
}
