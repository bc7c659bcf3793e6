import { TaskCancelledError } from '../../errors/task.errors.ts';
import { TaskQueueError } from '../../errors/unavailable.errors.ts';
import { stepBeforeFailed, stepBeforeWithoutResult } from '../../durable/durable.messages.ts';
import { unreadableArguments } from '../bullmq.messages.ts';
import { decode, type Encoded, isOmitted, type Omitted } from '../../durable/codec/value-codec.ts';
import type { TaskJob } from './task-job.ts';

/**
 * Reads the arguments of a task.
 *
 * @throws TaskCancelledError if the task was cancelled
 * @throws TaskQueueError if the arguments can't be read
 */
export function argumentsOf({ name, queueName, data }: TaskJob): readonly unknown[] {
  if (data.cancelledAt !== undefined) {
    throw new TaskCancelledError(name, 'requested');
  }
  return readArguments(name, queueName, data.args);
}

/**
 * Puts the results of the steps before a task into its arguments.
 *
 * @param before the ids of the jobs before it
 * @param find finds a job in all queues
 * @returns `undefined` while a step before it is retried: the task has to wait
 * @throws TaskQueueError if a step before it failed or is gone
 */
export async function withResults(
  job: TaskJob,
  args: readonly unknown[],
  before: readonly string[],
  find: (id: string) => Promise<TaskJob | undefined>,
): Promise<readonly unknown[] | undefined> {
  const { previousAt = [], isGroup } = job.data;
  const byKey = Object.entries(await job.getChildrenValues<Encoded | Omitted | null>());
  const results: unknown[] = [];
  for (const id of before) {
    const found = byKey.find(([key]) => key.endsWith(`:${id}`));
    if (!found) {
      // The step failed, and this task was retried.
      const state = await stateOf(id, find);
      if (state === undefined || state === 'failed') {
        throw new TaskQueueError(stepBeforeFailed(id));
      }
      return undefined;
    }
    const [, returned] = found;
    if (isOmitted(returned) && previousAt.length > 0) {
      throw new TaskQueueError(stepBeforeWithoutResult(id, returned.omitted));
    }
    results.push(returned && !isOmitted(returned) ? decode(returned) : undefined);
  }
  return args.map((arg, i) => (previousAt.includes(i) ? (isGroup ? results : results[0]) : arg));
}

/** When the server does not answer, the step may still complete: the state is unknown. */
async function stateOf(id: string, find: (id: string) => Promise<TaskJob | undefined>): Promise<string | undefined> {
  try {
    return await (await find(id))?.getState();
  } catch {
    return 'unknown';
  }
}

/** @throws TaskQueueError if another program wrote the arguments in another form */
export function readArguments(name: string, queue: string, encoded: Encoded | undefined): unknown[] {
  let args: unknown;
  try {
    args = encoded && decode(encoded);
  } catch {
    // The error would repeat a part of the arguments.
    throw new TaskQueueError(unreadableArguments(name, queue));
  }
  if (!Array.isArray(args)) {
    throw new TaskQueueError(unreadableArguments(name, queue));
  }
  return args;
}
