import { deserializeError, type ErrorObject, serializeError } from '../../vendor/serialize-error.ts';
import { cloneForMainThread } from '../../util/clone.ts';
import { thrownText } from '../../util/error-text.ts';
import { isError, read } from '../../util/inspect.ts';

/** A thrown value that can be cloned. An error keeps its own properties, its stack and its causes, which a plain clone drops. */
export type PackedThrown = { error: ErrorObject; properties?: Record<string, unknown> } | { value: unknown };

/** How many levels of causes and nested properties are packed. */
const MAX_DEPTH = 20;

/** Never throws. */
export function packThrown(thrown: unknown): PackedThrown {
  try {
    return isError(thrown)
      ? {
          error: structuredClone(serializeError(thrown, { maxDepth: MAX_DEPTH, useToJSON: false })),
          properties: cloneablePropertiesOf(thrown),
        }
      : { value: cloneForMainThread(thrown) };
  } catch {
    // For example a getter that throws, or a thrown function. Name, message and stack are still packed.
    return { error: bareError(thrown) };
  }
}

export function unpackThrown(packed: PackedThrown): unknown {
  return 'error' in packed ? Object.assign(deserializeError(packed.error), packed.properties) : packed.value;
}

const ERROR_PROPERTIES = new Set(['name', 'message', 'stack', 'cause', 'errors']);

/** Clones the error's own properties, because `serialize-error` only describes dates, maps and bytes, or drops them. */
function cloneablePropertiesOf(error: Error): Record<string, unknown> {
  const properties: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(error)) {
    if (!ERROR_PROPERTIES.has(key)) {
      try {
        properties[key] = cloneForMainThread(value as unknown);
      } catch {
        // The error keeps the form that `serialize-error` gave the property.
      }
    }
  }
  return properties;
}

function bareError(thrown: unknown): ErrorObject {
  const text = (key: string) => {
    const value = isError(thrown) ? read(thrown, key) : undefined;
    return typeof value === 'string' ? value : undefined;
  };
  return {
    name: text('name') ?? 'Error',
    message: text('message') ?? thrownText(thrown),
    ...(text('stack') !== undefined && { stack: text('stack')! }),
  };
}
