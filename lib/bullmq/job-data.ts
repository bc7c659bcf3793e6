import { deserialize, serialize } from 'superjson';
import { TaskArgumentError } from '../errors/task-argument.error.ts';
import { argumentsTooLarge, argumentsNotStorable } from '../messages.ts';

/** A value as it is stored: JSON, and beside it what JSON has no words for. */
export type Stored = ReturnType<typeof serialize> | { base64: string };

/** NUL, or half of a surrogate pair: Postgres has no JSON with one. */
const UNSTORABLE = /\\u0000|\\ud[89ab][0-9a-f]{2}(?!\\ud[c-f])|(?<!\\ud[89ab][0-9a-f]{2})\\ud[c-f][0-9a-f]{2}/;

export function encode(value: unknown): Stored {
  const stored = serialize(value);
  const text = JSON.stringify(stored);
  return UNSTORABLE.test(text) ? { base64: Buffer.from(text).toString('base64') } : stored;
}

/** In bytes of JSON. */
export function sizeOf(stored: Stored): number {
  return Buffer.byteLength(JSON.stringify(stored));
}

export function decode(stored: Stored): unknown {
  return deserialize(
    'base64' in stored ? (JSON.parse(Buffer.from(stored.base64, 'base64').toString()) as never) : stored,
  );
}

/** @throws TaskArgumentError if they can't be stored, or are larger than `maxSize` bytes */
export function encodeArguments(name: string, args: readonly unknown[], maxSize: number): Stored {
  const bad = args.findIndex((arg) => holdsFunction(arg));
  if (bad >= 0) {
    throw new TaskArgumentError(argumentsNotStorable(name, bad));
  }
  const stored = encode(args);
  const size = sizeOf(stored);
  if (size > maxSize) {
    throw new TaskArgumentError(argumentsTooLarge(name, size, maxSize));
  }
  return stored;
}

/** Which serialisers leave out, so that the task would get less than it was given. */
function holdsFunction(value: unknown, seen = new Set<unknown>()): boolean {
  if (typeof value === 'function' || typeof value === 'symbol') {
    return true;
  }
  if (typeof value !== 'object' || value === null || seen.has(value)) {
    return false;
  }
  seen.add(value);
  const values =
    value instanceof Map
      ? [...value.keys(), ...value.values()]
      : value instanceof Set
        ? [...value]
        : Object.values(value);
  return !ArrayBuffer.isView(value) && values.some((it) => holdsFunction(it, seen));
}
