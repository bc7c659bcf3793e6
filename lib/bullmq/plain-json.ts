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
