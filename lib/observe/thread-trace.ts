import type { TaskAttemptMessage } from './channel-messages.ts';
import { attemptChannel } from './channels.ts';

/**
 * Calls the function of a task in its thread, and publishes the attempt there too: an instrumentation of the thread restores
 * its context. Messages hold no result.
 */
export function tracedInThread(given: TaskAttemptMessage, fn: () => unknown): unknown {
  if (!attemptChannel.hasSubscribers) {
    return fn();
  }
  const { start, end, error, asyncStart, asyncEnd } = attemptChannel;
  const message: TaskAttemptMessage & { error?: unknown } = { ...given };
  const over = () => {
    asyncStart.publish(message);
    asyncEnd.publish(message);
  };
  const failed = (thrown: unknown) => {
    message.error = thrown;
    error.publish(message);
    over();
  };
  let result: unknown;
  try {
    result = start.runStores(message, fn);
  } catch (thrown) {
    end.publish(message);
    failed(thrown);
    throw thrown;
  }
  end.publish(message);
  if (result instanceof Promise) {
    result.then(over, failed);
  } else {
    over();
  }
  return result;
}
