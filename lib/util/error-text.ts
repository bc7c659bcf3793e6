import { describe, isError, read } from './inspect.ts';

/** How many causes of causes a log shows. */
const MAX_CAUSES = 5;

/**
 * The stack of an error and of its causes, for a log. Leaves out other properties: errors of HTTP clients keep the request
 * there, with its passwords and tokens.
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
 * A stack without frames, for errors that a timer or `cancel()` makes. Their frames don't show what went wrong. And until
 * a stack is read, V8 keeps the functions on it, with the arguments of the task.
 */
export function withoutFrames(error: Error): string {
  return `${error.name}: ${error.message}`;
}
