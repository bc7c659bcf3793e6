import { deserializeError, serializeError, type ErrorObject } from 'serialize-error';
import { describe, read } from '../errors/describe.ts';

/** What was thrown, in a form that gets from thread to thread with its own properties, its stack and its causes. */
export type Packed = { error: ErrorObject } | { value: unknown };

/** Never throws, whatever was thrown. */
export function packThrown(thrown: unknown): Packed {
  try {
    return structuredClone(thrown instanceof Error ? { error: serializeError(thrown) } : { value: thrown });
  } catch {
    // A getter that throws, a symbol, a function: then at least that which every error has.
    return { error: bareError(thrown) };
  }
}

export function unpackThrown(packed: Packed): unknown {
  return 'error' in packed ? deserializeError(packed.error) : packed.value;
}

function bareError(thrown: unknown): ErrorObject {
  const text = (key: string) => {
    const value = thrown instanceof Error ? read(thrown, key) : undefined;
    return typeof value === 'string' ? value : undefined;
  };
  return {
    name: text('name') ?? 'Error',
    message: text('message') ?? describe(thrown),
    ...(text('stack') !== undefined && { stack: text('stack')! }),
  };
}
