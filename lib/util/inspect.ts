import { inspect, types } from 'node:util';

/** What came, for an error message: short, on one line, and never an error of its own. */
export function describe(value: unknown): string {
  try {
    return describeUnguarded(value);
  } catch {
    return 'something that cannot be looked at';
  }
}

function describeUnguarded(value: unknown): string {
  if (typeof value === 'function') {
    const name = functionName(value);
    return name === undefined ? 'an anonymous function' : `the function ${name}`;
  }
  if (Array.isArray(value)) {
    return 'an array';
  }
  if (typeof value === 'object' && value !== null) {
    return `an object (${classNameOf(value)})`;
  }
  return inspect(value, { maxStringLength: 80 });
}

/** The name that a function was given, where it is one. */
export function functionName(fn: object): string | undefined {
  const name = read(fn, 'name');
  return typeof name === 'string' && name !== '' ? name : undefined;
}

/** The class of an object, or what stands in for it. */
export function classNameOf(value: object): string {
  if (typeof value === 'function') {
    return functionName(value) ?? 'an anonymous class';
  }
  const made = read(value, 'constructor');
  return (typeof made === 'function' ? functionName(made) : undefined) ?? 'Object';
}

/** Reads what may be a getter that throws, or held by a proxy that does. */
export function read(holder: object, key: PropertyKey): unknown {
  try {
    return (holder as Record<PropertyKey, unknown>)[key];
  } catch {
    return undefined;
  }
}

/** Also one of another realm, and never a question that a proxy answers by throwing. */
export function isError(value: unknown): value is Error {
  try {
    return types.isNativeError(value) || value instanceof Error;
  } catch {
    return false;
  }
}
