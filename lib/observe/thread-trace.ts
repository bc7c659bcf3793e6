import type { TaskAttemptMessage } from './channel-messages.ts';
import { attemptChannel, begin, end } from './channels.ts';

/**
 * Calls the function of a task in its thread, and publishes the attempt there too. So an instrumentation in the thread can
 * restore the context of the attempt. These messages hold no result.
 */
export function tracedInThread(given: TaskAttemptMessage, fn: () => unknown): unknown {
  if (!attemptChannel.hasSubscribers) {
    return fn();
  }
  const message: TaskAttemptMessage & { error?: unknown } = { ...given };
  const over = () => end(attemptChannel, message);
  const failed = (thrown: unknown) => {
    message.error = thrown;
    attemptChannel.error.publish(message);
    over();
  };
  let result: unknown;
  try {
    result = begin(attemptChannel, message, fn);
  } catch (thrown) {
    failed(thrown);
    throw thrown;
  }
  if (result instanceof Promise) {
    result.then(over, failed);
  } else {
    over();
  }
  return result;
}
