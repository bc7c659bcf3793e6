import { SuperJSON, type SuperJSONResult } from 'superjson';
import { TaskArgumentError } from '../../errors/task.errors.ts';
import { argumentNotStorable, argumentsTooLarge } from '../bullmq.messages.ts';
import { isBytes, isPlainJson, unstorableIn } from './storable.ts';

/** A value as it is stored: JSON, and beside it what JSON has no words for. */
export type Stored = SuperJSONResult | { base64: string };

const superJson = new SuperJSON();

// All kinds of memory: superjson knows only some, writes byte by byte, and can't read a Buffer again.
superJson.registerCustom<ArrayBuffer | ArrayBufferView, { kind: string; base64: string }>(
  {
    isApplicable: isBytes,
    serialize: (value) => ({ kind: value.constructor.name, base64: bytesOf(value).toString('base64') }),
    deserialize: ({ kind, base64 }) => memory(kind, new Uint8Array(Buffer.from(base64, 'base64'))),
  },
  'bytes',
);

/** NUL, or half of a surrogate pair: Postgres has no JSON with one. */
const UNSTORABLE = /\\u0000|\\ud[89ab][0-9a-f]{2}(?!\\ud[c-f])|(?<!\\ud[89ab][0-9a-f]{2})\\ud[c-f][0-9a-f]{2}/;

/**
 * @returns a copy, since what was given can be changed before it is stored; and how large it is, in bytes of JSON
 * @throws what superjson says if it can't
 */
export function encode(value: unknown, isPlain = isPlainJson(value)): { stored: Stored; size: number } {
  // Of most values superjson says the same, and takes several times as long to find out.
  const text = JSON.stringify(isPlain ? { json: value } : superJson.serialize(value));
  const stored = UNSTORABLE.test(text)
    ? { base64: Buffer.from(text).toString('base64') }
    : (JSON.parse(text) as SuperJSONResult);
  return { stored, size: Buffer.byteLength(text) };
}

export function decode(stored: Stored): unknown {
  const found = (
    'base64' in stored ? JSON.parse(Buffer.from(stored.base64, 'base64').toString()) : stored
  ) as SuperJSONResult;
  return found.meta ? superJson.deserialize(found, { inPlace: true }) : found.json;
}

/** @throws TaskArgumentError if they can't be stored, or are larger than `maxSize` bytes of JSON */
export function encodeArguments(name: string, args: readonly unknown[], maxSize: number): Stored {
  const { stored, size } = tryToEncode(name, args);
  if (size > maxSize) {
    throw new TaskArgumentError(argumentsTooLarge(name, size, maxSize));
  }
  return stored;
}

function tryToEncode(name: string, args: readonly unknown[]): { stored: Stored; size: number } {
  try {
    if (isPlainJson(args)) {
      return encode(args, true);
    }
    const reasons = args.map((arg) => unstorableIn(arg));
    const index = reasons.findIndex((reason) => reason);
    if (index >= 0) {
      throw new TaskArgumentError(argumentNotStorable(name, index, `it holds ${reasons[index]}`));
    }
    return encode(args, false);
  } catch (cause) {
    if (cause instanceof TaskArgumentError) {
      throw cause;
    }
    throw new TaskArgumentError(argumentNotStorable(name, -1, (cause as Error).message), { cause });
  }
}

function bytesOf(value: ArrayBuffer | ArrayBufferView): Buffer {
  return ArrayBuffer.isView(value) ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : Buffer.from(value);
}

const KINDS: { readonly [kind: string]: new (buffer: ArrayBuffer) => ArrayBufferView } = {
  DataView,
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
};

/** Of a class that is none of these it is the bytes. */
function memory(kind: string, { buffer }: { buffer: ArrayBuffer }): ArrayBuffer | ArrayBufferView {
  if (kind === 'ArrayBuffer') {
    return buffer;
  }
  return kind === 'Buffer' ? Buffer.from(buffer) : new (KINDS[kind] ?? Uint8Array)(buffer);
}
