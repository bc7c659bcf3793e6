import { inspect } from 'node:util';
import { isError, kindOf, read } from './inspect.ts';
import { withoutSecrets } from './secrets.ts';

/** How many causes of causes a log shows. */
const MAX_CAUSES = 5;

/**
 * The stack of an error and of its causes, for a log, without secrets. Leaves out other properties: errors of HTTP clients
 * keep the request there, with its passwords and tokens.
 */
export function stackOf(thrown: unknown): string {
  return withoutSecrets(stacksOf(thrown, 0));
}

function stacksOf(thrown: unknown, depth: number): string {
  if (!isError(thrown)) {
    return thrownText(thrown);
  }
  const stack = read(thrown, 'stack');
  const own = typeof stack === 'string' && stack !== '' ? stack : thrownText(read(thrown, 'message'));
  const cause = read(thrown, 'cause');
  return cause === undefined || depth === MAX_CAUSES ? own : `${own}\nCaused by: ${stacksOf(cause, depth + 1)}`;
}

/** The text of something that was thrown, or that stands where the message of an error should be. */
export function thrownText(thrown: unknown): string {
  if (typeof thrown === 'string') {
    return thrown;
  }
  return typeof thrown === 'object' || typeof thrown === 'function' ? kindOf(thrown) : inspect(thrown);
}

/**
 * A stack without frames, for errors that a timer or `cancel()` makes. Their frames don't show what went wrong. And until
 * a stack is read, V8 keeps the functions on it, with the arguments of the task.
 */
export function withoutFrames(error: Error): string {
  return `${error.name}: ${error.message}`;
}
