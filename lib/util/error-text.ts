import { describe, isError, read } from './inspect.ts';

/** Causes of causes that are worth reading. */
const MAX_CAUSES = 5;

/**
 * The stack of what was thrown, and of its causes, for a log. Other properties are left out, since those of HTTP clients
 * hold what was sent, with passwords and tokens.
 */
export function stackOf(thrown: unknown, depth = 0): string {
  if (!isError(thrown)) {
    return describe(thrown);
  }
  const stack = read(thrown, 'stack');
  const own = typeof stack === 'string' && stack !== '' ? stack : describe(read(thrown, 'message'));
  const cause = read(thrown, 'cause');
  return cause === undefined || depth === MAX_CAUSES ? own : `${own}\nCaused by: ${stackOf(cause, depth + 1)}`;
}

/**
 * A stack for errors that are made where a time is up or somebody gives up, which says nothing of what went wrong. One that
 * nobody has read yet keeps alive what its functions hold: the arguments of the task among it.
 */
export function withoutFrames(error: Error): string {
  return `${error.name}: ${error.message}`;
}
