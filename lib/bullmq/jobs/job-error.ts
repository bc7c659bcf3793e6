import { stackOf } from '../../util/error-text.ts';
import { describe, isError, read } from '../../util/inspect.ts';

/** NUL, and halves of surrogate pairs. */
const UNSTORABLE = /\0|\p{Cs}/gu;

/**
 * What a task has thrown as an error that any store can keep, with its causes. Its name is in its stack alone, since with some
 * names, and one message, BullMQ does something else than to fail the job.
 *
 * @param isCancelled whether it is to be recorded as such: what else begins with that name is not
 */
export function jobError(thrown: unknown, isCancelled = false): Error {
  const said = isError(thrown) ? read(thrown, 'message') : describe(thrown);
  const message = typeof said === 'string' ? said : describe(said);
  const stack = stackOf(thrown);
  return Object.assign(new Error(storable(message).replace(/^bullmq:/, 'BullMQ:')), {
    stack: storable(stack.startsWith(CANCELLED) && !isCancelled ? `Error: ${stack}` : stack),
  });
}

function storable(text: string): string {
  return text.replaceAll(UNSTORABLE, '\uFFFD');
}

/** How the stack begins of what is recorded as cancelled. */
export const CANCELLED = 'TaskCancelledError';
