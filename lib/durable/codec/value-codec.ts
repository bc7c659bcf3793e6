import { SuperJSON, type SuperJSONResult } from '../../vendor/superjson.ts';
import { TaskArgumentError } from '../../errors/task.errors.ts';
import { classNameOf, isError, kindOf } from '../../util/inspect.ts';
import { withoutMessage } from '../../util/secrets.ts';
import {
  argumentNotSerializable,
  argumentsNotSerializable,
  argumentsTooLarge,
  resultNotData,
  resultNotSerializable,
  resultTooLarge,
} from './codec.messages.ts';
import { acceptedText, isRefusedJson } from './accepted-text.ts';
import { ErrorCopy, plainCopy } from './plain-copy.ts';
import { hasSpecialKey, unescapeKeys } from './special-keys.ts';
import { NOT_PLAIN, PlainJsonCopy } from './plain-json.ts';
import { isBytes, unstorableIn } from './storable.ts';

/**
 * A value in a job: JSON, with superjson's notes about what plain JSON can't hold, and whether keys are renamed. As base64,
 * the same JSON as bytes, where Postgres would refuse the text.
 */
export type Encoded = (EncodedJson | { base64: string }) & Begun;

/** Beside a result: when the first attempt of its task began, in ms since the epoch. */
interface Begun {
  startedAt?: number;
}

type EncodedJson = SuperJSONResult & { escaped?: true };

/** In the place of a result that can't be kept: why. */
export interface Omitted extends Begun {
  omitted: string;
}

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

// superjson keeps the name, message and cause of an error, and drops its other properties.
superJson.registerCustom<ErrorCopy | Error, never>(
  {
    isApplicable: (value): value is ErrorCopy => value instanceof ErrorCopy,
    serialize: (error) => (error as ErrorCopy).properties as never,
    deserialize: ({ name, message, cause, ...properties }: Error) => {
      const error = new Error(message, cause === undefined ? {} : { cause });
      Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true });
      return Object.assign(error, { stack: `${name}: ${message}` }, properties);
    },
  },
  'error',
);

/** A value in the form that every server accepts. Its JSON has no more than `maxSize` bytes. */
interface Encoding {
  readonly encoded: Encoded;
  readonly maxSize: number;
}

/** The bytes of `{"json":}`. */
const FRAME = 9;

/**
 * Copies a value into a form that every server accepts.
 *
 * @throws an error of superjson if it can't
 */
export function encode(value: unknown): Encoding {
  return value === undefined ? encodeUndefined() : (encodePlain(value) ?? encodeOther(serialized(value)));
}

/** What most tasks return. `decode` reads an empty object as `undefined`; superjson's form would take 5 % of a whole job. */
function encodeUndefined(): Encoding {
  return { encoded: {} as EncodedJson, maxSize: 2 };
}

/** For plain JSON, superjson returns the same and takes many times as long. @returns `undefined` for other values */
function encodePlain(value: unknown): Encoding | undefined {
  const copy = new PlainJsonCopy(value);
  if (copy.value === NOT_PLAIN) {
    return undefined;
  }
  const json = { json: copy.value } as EncodedJson;
  return copy.hasRefusedText ? encodeOther(json) : { encoded: json, maxSize: copy.maxSize + FRAME };
}

function encodeOther(json: EncodedJson): Encoding {
  const text = JSON.stringify(json);
  const encoded = isRefusedJson(text)
    ? { base64: Buffer.from(text).toString('base64') }
    : (JSON.parse(text) as EncodedJson);
  return { encoded, maxSize: Buffer.byteLength(text) };
}

/** @returns the size in bytes of JSON if it is larger than the limit */
function sizeAbove(limit: number, { encoded, maxSize }: Encoding): number | undefined {
  if (maxSize <= limit) {
    return undefined;
  }
  const size =
    'base64' in encoded ? Buffer.byteLength(encoded.base64, 'base64') : Buffer.byteLength(JSON.stringify(encoded));
  return size > limit ? size : undefined;
}

export function decode(encoded: Encoded): unknown {
  const found = (
    'base64' in encoded ? JSON.parse(Buffer.from(encoded.base64, 'base64').toString()) : encoded
  ) as EncodedJson;
  const value: unknown = found.meta ? superJson.deserialize(found, { inPlace: true }) : found.json;
  if (found.escaped) {
    unescapeKeys(value);
  }
  return value;
}

function serialized(value: unknown): EncodedJson {
  return hasSpecialKey(value)
    ? { ...superJson.serialize(plainCopy(value, true)), escaped: true }
    : superJson.serialize(plainCopy(value, false));
}

/** @throws TaskArgumentError if they can't be serialized, or are larger than `maxSize` bytes of JSON */
export function encodeArguments(name: string, args: readonly unknown[], maxSize: number): Encoded {
  const encoding = tryToEncode(name, args);
  const size = sizeAbove(maxSize, encoding);
  if (size !== undefined) {
    throw new TaskArgumentError(argumentsTooLarge(name, size, maxSize));
  }
  return encoding.encoded;
}

/**
 * Encodes a result. If it can't be serialized, or is larger than `maxSize` bytes of JSON, says so in its place. Encodes
 * `undefined` too: a job with a value has completed, and records tell completed jobs from failed ones by it.
 */
export function encodeResult(name: string, result: unknown, maxSize: number): Encoded | Omitted {
  try {
    const encoding = encode(result);
    const { encoded } = encoding;
    if (!('base64' in encoded) && encoded.json === undefined && result !== undefined) {
      return { omitted: acceptedText(resultNotData(name, kindOf(result))) };
    }
    const size = sizeAbove(maxSize, encoding);
    return size === undefined ? encoded : { omitted: resultTooLarge(name, size, maxSize) };
  } catch (error) {
    return { omitted: acceptedText(resultNotSerializable(name, classNameOfThrown(error))) };
  }
}

/** Whether a stored result says why there is none. */
export function isOmitted(returned: unknown): returned is Omitted {
  return (
    typeof returned === 'object' && returned !== null && typeof (returned as Partial<Omitted>).omitted === 'string'
  );
}

function tryToEncode(name: string, args: readonly unknown[]): Encoding {
  try {
    const plain = encodePlain(args);
    if (plain) {
      return plain;
    }
    for (const [index, arg] of args.entries()) {
      const held = unstorableIn(arg);
      if (held) {
        throw new TaskArgumentError(argumentNotSerializable(name, index, held));
      }
    }
    return encodeOther(serialized(args));
  } catch (cause) {
    if (cause instanceof TaskArgumentError) {
      throw cause;
    }
    throw new TaskArgumentError(argumentsNotSerializable(name, classNameOfThrown(cause)), {
      cause: withoutMessage(cause),
    });
  }
}

/** The message of what a getter or `toJSON` threw may repeat the value. */
function classNameOfThrown(thrown: unknown): string {
  return isError(thrown) ? classNameOf(thrown) : typeof thrown;
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
