/** Whether a value is the same in every thread, and so costs no clone. */
export function isPrimitive(value: unknown): boolean {
  return value === null || !['object', 'function', 'symbol'].includes(typeof value);
}

/**
 * Clones what is to go to the main thread. That has less of a stack than others have: what it can't read is lost without a
 * word, and whoever waits for it waits for ever.
 *
 * @throws DataCloneError, or a RangeError if it is nested too deeply
 */
export function cloneForMainThread<T>(value: T, transfer: ArrayBuffer[] = []): T {
  if (isPrimitive(value)) {
    return value;
  }
  assertReadable(value);
  return structuredClone(value, { transfer });
}

/** The main thread can read some 1,500 levels, one that was given a small stack a few less. */
const MAX_DEPTH = 1_000;

// Depth first, and into nothing twice, as the algorithm goes that clones it.
function assertReadable(value: unknown, depth = 0, seen = new Set<object>()): void {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || seen.has(value)) {
    return;
  }
  if (depth === MAX_DEPTH) {
    throw new RangeError(`It is nested more than ${MAX_DEPTH} levels deep.`);
  }
  seen.add(value);
  for (const part of value instanceof Map ? [...value.keys(), ...value.values()] : partsOf(value)) {
    assertReadable(part, depth + 1, seen);
  }
}

function partsOf(value: object): Iterable<unknown> {
  return Array.isArray(value) || value instanceof Set ? value : Object.values(value);
}
