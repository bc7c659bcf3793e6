import { deserializeError, serializeError, type ErrorObject } from 'serialize-error';

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
  try {
    const { name, message, stack } = thrown as Error;
    return { name: String(name), message: String(message), stack: String(stack) };
  } catch {
    return { name: 'Error', message: 'The task threw something that cannot be read.' };
  }
}
