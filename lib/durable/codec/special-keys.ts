/*
 * superjson refuses objects with the keys `__proto__`, `constructor` and `prototype`, which request bodies can have. Plain JSON
 * keeps them as own properties, and so can every task. These functions rename such keys before superjson sees them, and back.
 */
import { walk } from '../../util/walk.ts';

const SPECIAL = /^~*(?:__proto__|constructor|prototype)$/;
const ESCAPED = /^~+(?:__proto__|constructor|prototype)$/;

export function hasSpecialKey(value: unknown): boolean {
  return (
    walk(value, (part) => (isPlainObject(part) && Object.keys(part).some((key) => SPECIAL.test(key))) || undefined) ??
    false
  );
}

/** Copies lists, maps, sets and plain objects, with special keys renamed. What is there twice is twice in the copy too. */
export function escapeKeys(value: unknown, copies = new Map<object, object>()): unknown {
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  const known = copies.get(value);
  if (known) {
    return known;
  }
  const copy = (it: unknown) => escapeKeys(it, copies);
  if (Array.isArray(value)) {
    const list: unknown[] = [];
    copies.set(value, list);
    value.forEach((it, i) => (list[i] = copy(it)));
    // `forEach` skips holes, also at the end.
    list.length = value.length;
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
  if (!isPlainObject(value)) {
    return value;
  }
  const object: Record<string, unknown> = {};
  copies.set(value, object);
  for (const [key, it] of Object.entries(value)) {
    object[SPECIAL.test(key) ? `~${key}` : key] = copy(it);
  }
  return object;
}

/** Renames the keys back, in place. */
export function unescapeKeys(value: unknown): void {
  walk(value, (part) => {
    if (isPlainObject(part) && Object.keys(part).some((key) => ESCAPED.test(key))) {
      // All keys again, so that they keep their order.
      for (const [key, it] of Object.entries(part)) {
        delete part[key];
        const name = ESCAPED.test(key) ? key.slice(1) : key;
        // Assigning `__proto__` would change the prototype.
        Object.defineProperty(part, name, { value: it, enumerable: true, configurable: true, writable: true });
      }
    }
    return undefined;
  });
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) {
    return false;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
