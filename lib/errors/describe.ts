import { inspect } from 'node:util';

/** What came, for an error message: short, on one line, and never an error of its own. */
export function describe(value: unknown): string {
  if (typeof value === 'function') {
    return value.name ? `the function ${value.name}` : 'an anonymous function';
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return `an object (${classNameOf(value)})`;
  }
  return inspect(value, { depth: 0, breakLength: Infinity, maxStringLength: 80, maxArrayLength: 5 });
}

/** The class of an object, or what stands in for it. */
export function classNameOf(value: object): string {
  if (typeof value === 'function') {
    return value.name || 'an anonymous class';
  }
  return (Object.getPrototypeOf(value) as object | null)?.constructor?.name ?? 'Object';
}

/** What was thrown, with its stack, cause and own properties, for a log. */
export function inspectThrown(thrown: unknown): string {
  try {
    return inspect(thrown);
  } catch {
    // Whatever was thrown may throw again when it is looked at.
    return 'What it threw cannot be shown: it throws when it is inspected.';
  }
}
