import { deserializeError, type ErrorObject, serializeError } from 'serialize-error';
import { cloneForMainThread } from '../../util/clone.ts';
import { describe, isError, read } from '../../util/inspect.ts';

/** What was thrown, in a form that gets from thread to thread with its own properties, its stack and its causes. */
export type Packed = { error: ErrorObject; own?: Record<string, unknown> } | { value: unknown };

/** Causes of causes, and what they hold. */
const MAX_DEPTH = 20;

/** Never throws, whatever was thrown. */
export function packThrown(thrown: unknown): Packed {
  try {
    return isError(thrown)
      ? {
          error: structuredClone(serializeError(thrown, { maxDepth: MAX_DEPTH, useToJSON: false })),
          own: cloneablePropertiesOf(thrown),
        }
      : { value: cloneForMainThread(thrown) };
  } catch {
    // A getter that throws, a symbol, a function: then at least that which every error has.
    return { error: bareError(thrown) };
  }
}

export function unpackThrown(packed: Packed): unknown {
  return 'error' in packed ? Object.assign(deserializeError(packed.error), packed.own) : packed.value;
}

const ERROR_PROPERTIES = new Set(['name', 'message', 'stack', 'cause', 'errors']);

/** What JSON has no word for (dates, maps, bytes), and the library therefore only describes, or leaves out. */
function cloneablePropertiesOf(error: Error): Record<string, unknown> {
  const own: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(error)) {
    if (!ERROR_PROPERTIES.has(key)) {
      try {
        own[key] = cloneForMainThread(value as unknown);
      } catch {
        // Then as the library describes it.
      }
    }
  }
  return own;
}

function bareError(thrown: unknown): ErrorObject {
  const text = (key: string) => {
    const value = isError(thrown) ? read(thrown, key) : undefined;
    return typeof value === 'string' ? value : undefined;
  };
  return {
    name: text('name') ?? 'Error',
    message: text('message') ?? describe(thrown),
    ...(text('stack') !== undefined && { stack: text('stack')! }),
  };
}
