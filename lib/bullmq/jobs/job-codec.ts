import { SuperJSON, type SuperJSONResult } from 'superjson';
import { TaskArgumentError } from '../../errors/task.errors.ts';
import { TaskQueueError } from '../../errors/unavailable.errors.ts';
import {
  argumentNotSerializable,
  argumentsNotSerializable,
  argumentsTooLarge,
  resultNotSerializable,
  resultTooLarge,
} from '../bullmq.messages.ts';
import { isBytes, isPlainJson, unstorableIn } from './storable.ts';

/**
 * A value in a job: JSON, with superjson's notes about what plain JSON can't hold. As base64, the same JSON as bytes, where
 * Postgres would refuse the text.
 */
export type Encoded = SuperJSONResult | { base64: string };

const superJson = new SuperJSON();

// superjson knows only some kinds of buffers, writes each byte as a number, and can't read a Buffer again.
superJson.registerCustom<ArrayBuffer | ArrayBufferView, { kind: string; base64: string }>(
  {
    isApplicable: isBytes,
    serialize: (value) => ({ kind: value.constructor.name, base64: bytesOf(value).toString('base64') }),
    deserialize: ({ kind, base64 }) => memory(kind, new Uint8Array(Buffer.from(base64, 'base64'))),
  },
  'bytes',
);

/** An escaped NUL, or half of a surrogate pair: Postgres refuses them in JSON. */
const REFUSED_BY_POSTGRES = /\\u0000|\\ud[89ab][0-9a-f]{2}(?!\\ud[c-f])|(?<!\\ud[89ab][0-9a-f]{2})\\ud[c-f][0-9a-f]{2}/;

/**
 * Copies a value into a form that every server accepts. `size` is in bytes of JSON.
 *
 * @throws an error of superjson if it can't
 */
export function encode(value: unknown, isPlain = isPlainJson(value)): { encoded: Encoded; size: number } {
  // For plain JSON, superjson returns the same and takes several times as long.
  const text = JSON.stringify(isPlain ? { json: value } : superJson.serialize(value));
  const encoded = REFUSED_BY_POSTGRES.test(text)
    ? { base64: Buffer.from(text).toString('base64') }
    : (JSON.parse(text) as SuperJSONResult);
  return { encoded, size: Buffer.byteLength(text) };
}

export function decode(encoded: Encoded): unknown {
  const found = (
    'base64' in encoded ? JSON.parse(Buffer.from(encoded.base64, 'base64').toString()) : encoded
  ) as SuperJSONResult;
  return found.meta ? superJson.deserialize(found, { inPlace: true }) : found.json;
}

/** @throws TaskArgumentError if they can't be serialized, or are larger than `maxSize` bytes of JSON */
export function encodeArguments(name: string, args: readonly unknown[], maxSize: number): Encoded {
  const { encoded, size } = tryToEncode(name, args);
  if (size > maxSize) {
    throw new TaskArgumentError(argumentsTooLarge(name, size, maxSize));
  }
  return encoded;
}

/**
 * Encodes `undefined` too: a job with a value has completed, and records tell completed jobs from failed ones by it.
 *
 * @throws TaskQueueError if it can't be serialized, or is larger than `maxSize` bytes of JSON
 */
export function encodeResult(name: string, result: unknown, maxSize: number): Encoded {
  let size: number;
  let encoded: Encoded;
  try {
    ({ encoded, size } = encode(result));
  } catch (error) {
    throw new TaskQueueError(resultNotSerializable(name, (error as Error).message));
  }
  if (size > maxSize) {
    throw new TaskQueueError(resultTooLarge(name, size, maxSize));
  }
  return encoded;
}

function tryToEncode(name: string, args: readonly unknown[]): ReturnType<typeof encode> {
  try {
    if (isPlainJson(args)) {
      return encode(args, true);
    }
    for (const [index, arg] of args.entries()) {
      const held = unstorableIn(arg);
      if (held) {
        throw new TaskArgumentError(argumentNotSerializable(name, index, held));
      }
    }
    return encode(args, false);
  } catch (cause) {
    if (cause instanceof TaskArgumentError) {
      throw cause;
    }
    throw new TaskArgumentError(argumentsNotSerializable(name, (cause as Error).message), { cause });
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

/** An unknown class becomes a Uint8Array. */
function memory(kind: string, { buffer }: { buffer: ArrayBuffer }): ArrayBuffer | ArrayBufferView {
  if (kind === 'ArrayBuffer') {
    return buffer;
  }
  return kind === 'Buffer' ? Buffer.from(buffer) : new (KINDS[kind] ?? Uint8Array)(buffer);
}
