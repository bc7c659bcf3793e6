import { types } from 'node:util';

/** A string that shows a mistake, such as a wrong word, and is no secret: those have digits or signs, or are longer. */
const WORD = /^[a-z-]{0,20}$/i;

/** The name of an option or a queue. */
const NAME = /^[\w.-]{1,40}$/;

/**
 * Describes the value of an option for an error message: short, on one line. Never throws.
 *
 * It shows numbers and single words, because options hold passwords too. Use `kindOf` for what may be an argument of a task.
 */
export function describe(value: unknown): string {
  if (typeof value === 'string') {
    return WORD.test(value) ? `'${value}'` : lengthOf(value);
  }
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : kindOf(value);
}

/** Describes what stands in the place of a name. */
export function describeName(name: string): string {
  return NAME.test(name) ? `'${name}'` : lengthOf(name);
}

function lengthOf({ length }: string): string {
  return `a string of ${length} ${length === 1 ? 'character' : 'characters'}`;
}

/** Describes a value for an error message without showing what is in it. Never throws. */
export function kindOf(value: unknown): string {
  try {
    return kindOfUnguarded(value);
  } catch {
    return 'an object that can not be inspected';
  }
}

function kindOfUnguarded(value: unknown): string {
  if (value === undefined || value === null) {
    return String(value);
  }
  if (typeof value === 'function') {
    const name = functionName(value);
    return name === undefined ? 'an anonymous function' : `the function ${name}`;
  }
  if (Array.isArray(value)) {
    return value.length === 0 ? 'an empty array' : 'an array';
  }
  return typeof value === 'object' ? `an object (${classNameOf(value)})` : `a ${typeof value}`;
}

/** The name of a function, if it has one. Never throws. */
export function functionName(fn: object): string | undefined {
  try {
    // Not by `read`: V8 reads the name of a function fast only where the code says `name`.
    const { name } = fn as { name?: unknown };
    return typeof name === 'string' && name !== '' ? name : undefined;
  } catch {
    return undefined;
  }
}

/** The name of a class, or of the class of an object. */
export function classNameOf(value: object): string {
  if (typeof value === 'function') {
    return functionName(value) ?? 'an anonymous class';
  }
  const made = read(value, 'constructor');
  return (typeof made === 'function' ? functionName(made) : undefined) ?? 'Object';
}

/** Reads a property. Returns `undefined` if a getter or a proxy throws. */
export function read(holder: object, key: PropertyKey): unknown {
  try {
    return (holder as Record<PropertyKey, unknown>)[key];
  } catch {
    return undefined;
  }
}

/** Whether a value is an error, also of another realm. Returns `false` if a proxy throws. */
export function isError(value: unknown): value is Error {
  try {
    return types.isNativeError(value) || value instanceof Error;
  } catch {
    return false;
  }
}
