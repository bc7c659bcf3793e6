import { isDeepStrictEqual } from 'node:util';

/** A matcher of vitest, Jest or sinon: `expect.any(String)`. */
interface Matcher {
  asymmetricMatch(value: unknown): boolean;
}

/** Whether a value is what a test expects. Matchers may stand for the whole, or for a part of an array or a plain object. */
export function isMatch(expected: unknown, actual: unknown): boolean {
  if (isMatcher(expected)) {
    return expected.asymmetricMatch(actual);
  }
  if (Array.isArray(expected) && Array.isArray(actual)) {
    return expected.length === actual.length && expected.every((it, i) => isMatch(it, actual[i]));
  }
  if (isPlainObject(expected) && isPlainObject(actual)) {
    const keys = Object.keys(expected);
    return (
      keys.length === Object.keys(actual).length &&
      keys.every((key) => Object.hasOwn(actual, key) && isMatch(expected[key], actual[key]))
    );
  }
  return isDeepStrictEqual(expected, actual);
}

export function isMatcher(value: unknown): value is Matcher {
  return (
    typeof value === 'object' && value !== null && typeof (value as Partial<Matcher>).asymmetricMatch === 'function'
  );
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    [Object.prototype, null].includes(Object.getPrototypeOf(value) as null)
  );
}
