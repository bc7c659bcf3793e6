import { isError, read } from './inspect.ts';

/**
 * Visits a value and everything in it: keys and values of a Map, members of a Set, otherwise own enumerable properties,
 * and of an error also its cause and its errors.
 * Goes depth first and visits each object once. Doesn't enter functions, nor views of memory: their properties are numbers.
 *
 * @param visit returns something other than `undefined` to stop
 * @param maxDepth levels of objects in objects. Default: no limit.
 * @returns what `visit` returned when it stopped; `undefined` if it visited everything
 * @throws RangeError if objects are nested deeper than `maxDepth`
 */
export function walk<R>(
  value: unknown,
  visit: (part: unknown) => R | undefined,
  maxDepth = Infinity,
  depth = 0,
  seen = new Set<object>(),
): R | undefined {
  const isObject = typeof value === 'object' && value !== null;
  if (isObject && seen.has(value)) {
    return undefined;
  }
  const found = visit(value);
  if (found !== undefined || !isObject || ArrayBuffer.isView(value)) {
    return found;
  }
  if (depth === maxDepth) {
    throw new RangeError(`It is nested more than ${maxDepth} levels deep.`);
  }
  seen.add(value);
  for (const part of partsOf(value)) {
    const foundInside = walk(part, visit, maxDepth, depth + 1, seen);
    if (foundInside !== undefined) {
      return foundInside;
    }
  }
  return undefined;
}

function partsOf(value: object): Iterable<unknown> {
  if (value instanceof Map) {
    return [...value.keys(), ...value.values()];
  }
  if (value instanceof Set) {
    return value;
  }
  const parts: unknown[] = Object.values(value);
  return isError(value) ? [...parts, read(value, 'cause'), read(value, 'errors')] : parts;
}
