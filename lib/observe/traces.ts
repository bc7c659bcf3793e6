import type { TaskOptions } from '../task/definition/task-options.ts';
import type { BackgroundTask } from '../task/handle/background-task.ts';
import type { TaskCarrier } from '../task/model/task-carrier.ts';
import { AddMessage, AttemptMessage, EnqueueMessage, type TracedAttempt } from './channel-messages.ts';
import { addChannel, attemptChannel, begin, end, enqueueChannel } from './channels.ts';

/** Adds a task, and publishes it. Call it only if the channel has subscribers. */
export function tracedAdd(
  call: ConstructorParameters<typeof AddMessage>[0],
  options: TaskOptions,
  showsArguments: boolean,
  add: () => BackgroundTask,
): BackgroundTask {
  const message = new AddMessage(call, options, showsArguments);
  return addChannel.start.runStores(message, () => {
    try {
      const task = add();
      message.added(task);
      return task;
    } catch (error) {
      message.error = error;
      addChannel.error.publish(message);
      throw error;
    } finally {
      addChannel.end.publish(message);
    }
  });
}

/**
 * Enqueues tasks, and publishes it. Call it only if the channel has subscribers.
 *
 * @param enqueue is given what travels with the tasks
 */
export async function tracedEnqueue<T>(
  tasks: readonly BackgroundTask[],
  showsArguments: boolean,
  isTracedByQueue: boolean,
  enqueue: (carrier: TaskCarrier) => Promise<T>,
): Promise<T> {
  const message = new EnqueueMessage(tasks, showsArguments, isTracedByQueue);
  try {
    const enqueued = await begin(enqueueChannel, message, () => enqueue(message.carrier));
    end(enqueueChannel, message);
    return enqueued;
  } catch (error) {
    message.error = error;
    enqueueChannel.error.publish(message);
    end(enqueueChannel, message);
    throw error;
  }
}

/** Publishes one attempt. Made only if the channel has subscribers. */
export class AttemptTrace {
  readonly #message: AttemptMessage;
  #isStarted = false;

  constructor(
    task: BackgroundTask,
    private readonly showsArguments: boolean,
    attempt: TracedAttempt,
  ) {
    this.#message = new AttemptMessage(task, showsArguments, attempt);
  }

  get message(): AttemptMessage {
    return this.#message;
  }

  /** Calls the function of the attempt, within the stores that are bound to the channel. */
  run<T>(fn: () => T): T {
    this.#isStarted = true;
    return begin(attemptChannel, this.#message, fn);
  }

  /** Publishes that an attempt has begun in a thread. Does nothing if this was published. */
  start(): void {
    if (!this.#isStarted) {
      this.run(() => undefined);
    }
  }

  /** Call it once. An attempt that could not begin is published too: it counts as failed. */
  end(outcome: { readonly result: unknown } | { readonly error: unknown }): void {
    this.start();
    const message = this.#message;
    if ('error' in outcome) {
      message.error = outcome.error;
      attemptChannel.error.publish(message);
    } else if (this.showsArguments) {
      message.result = outcome.result;
    }
    end(attemptChannel, message);
  }
}
