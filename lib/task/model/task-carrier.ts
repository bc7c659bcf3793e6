/**
 * Holds strings that travel with a task: through its queue, or into its thread.
 *
 * Instrumentations write a trace context into it.
 *
 * @since 0.1.0
 */
export interface TaskCarrier {
  [key: string]: string;
}

/** Reads a carrier that another process has written. `undefined` if it holds nothing. */
export function readCarrier(value: unknown): TaskCarrier | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return undefined;
  }
  const strings = Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return strings.length > 0 ? Object.fromEntries(strings) : undefined;
}
