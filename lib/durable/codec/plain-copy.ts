import { types } from 'node:util';
import { isError } from '../../util/inspect.ts';
import { escapeKey } from './special-keys.ts';
import { isBytes } from './storable.ts';

/** Stands for an error in a copy. superjson looks only into some kinds of objects, and errors are among them. */
export class ErrorCopy extends Error {
  /** The error's name, message and cause, and its other plain properties. */
  properties: object = {};
}

/**
 * Copies a value so that superjson keeps all of it: it doesn't look into instances of classes, and makes holes in lists
 * `null`. In the copy, instances of classes are plain objects, or what their `toJSON` returns. An object that occurs
 * twice is one object in the copy too.
 *
 * @param areKeysEscaped whether to rename the keys that superjson refuses
 */
export function plainCopy(value: unknown, areKeysEscaped: boolean, copies = new Map<object, unknown>()): unknown {
  if (typeof value !== 'object' || value === null || isKept(value)) {
    return value;
  }
  if (copies.has(value)) {
    return copies.get(value);
  }
  const copy = (it: unknown) => plainCopy(it, areKeysEscaped, copies);
  if (Array.isArray(value)) {
    const list: unknown[] = [];
    copies.set(value, list);
    for (const it of value as unknown[]) {
      list.push(copy(it));
    }
    return list;
  }
  if (value instanceof Map) {
    const map = new Map<unknown, unknown>();
    copies.set(value, map);
    value.forEach((it, key) => map.set(copy(key), copy(it)));
    return map;
  }
  if (value instanceof Set) {
    const set = new Set<unknown>();
    copies.set(value, set);
    value.forEach((it) => set.add(copy(it)));
    return set;
  }
  if (isError(value)) {
    const error = new ErrorCopy();
    copies.set(value, error);
    error.properties = copy(propertiesOf(value)) as object;
    return error;
  }
  const { toJSON } = value as { toJSON?: unknown };
  const json: unknown = typeof toJSON === 'function' ? toJSON.call(value, '') : value;
  if (!isOfSameClass(json, value)) {
    const copied = copy(json);
    copies.set(value, copied);
    return copied;
  }
  const object: Record<string, unknown> = {};
  copies.set(value, object);
  for (const [key, it] of Object.entries(json)) {
    object[areKeysEscaped ? escapeKey(key) : key] = copy(it);
  }
  return object;
}

/** Whether `toJSON` returned the object itself, or another one that has the same `toJSON`. */
function isOfSameClass(json: unknown, value: object): json is object {
  return typeof json === 'object' && json !== null && Object.getPrototypeOf(json) === Object.getPrototypeOf(value);
}

/** Whether superjson keeps such a value, or JSON does. */
function isKept(value: object): boolean {
  return isBytes(value) || types.isBoxedPrimitive(value) || [Date, RegExp, URL].some((it) => value instanceof it);
}

/** Without the stack, which would be large, and of another process. */
function propertiesOf(error: Error): object {
  const { name, message, stack: _stack, cause, ...others } = error;
  const errors = error instanceof AggregateError ? { errors: error.errors as unknown } : {};
  return { ...others, ...errors, name, message, ...('cause' in error && { cause }) };
}
