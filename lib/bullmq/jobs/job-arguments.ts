import { TaskCancelledError } from '../../errors/task.errors.ts';
import { TaskQueueError } from '../../errors/unavailable.errors.ts';
import { stepBeforeFailed, storedByOthers } from '../bullmq.messages.ts';
import { decode, type Stored } from './job-codec.ts';
import type { JobData, TaskJob } from './task-job.ts';

/**
 * What a task is called with, and so what those before it have resulted in.
 *
 * @param find finds a job in whichever queue
 * @returns undefined as long as one of those is tried again: then it has to wait
 * @throws TaskCancelledError, or TaskQueueError if there is nothing to wait for
 */
export async function argumentsOf(
  job: TaskJob,
  find: (id: string) => Promise<TaskJob | undefined>,
): Promise<readonly unknown[] | undefined> {
  // Others may have put it there, with anything or nothing in it.
  const { args: stored, before, previousAt = [], isGroup, cancelledAt } = (job.data as Partial<JobData> | null) ?? {};
  if (cancelledAt !== undefined) {
    throw new TaskCancelledError(job.name, 'requested');
  }
  const args = readArguments(job.name, job.queueName, stored);
  if (!before) {
    return args;
  }
  const byKey = Object.entries(await job.getChildrenValues<Stored | null>());
  const results: unknown[] = [];
  for (const id of before) {
    const found = byKey.find(([key]) => key.endsWith(`:${id}`));
    if (!found) {
      // It has failed before, and this one was tried again.
      const state = await stateOf(id, find);
      if (state === undefined || state === 'failed') {
        throw new TaskQueueError(stepBeforeFailed(id));
      }
      return undefined;
    }
    results.push(found[1] ? decode(found[1]) : undefined);
  }
  return args.map((arg, i) => (previousAt.includes(i) ? (isGroup ? results : results[0]) : arg));
}

/** A store that doesn't answer just now doesn't say that there is nothing to wait for. */
async function stateOf(id: string, find: (id: string) => Promise<TaskJob | undefined>): Promise<string | undefined> {
  try {
    return await (await find(id))?.getState();
  } catch {
    return 'unknown';
  }
}

/** @throws TaskQueueError if they have another form than that in which they are stored, such as after somebody has changed them */
function readArguments(name: string, queue: string, stored: Stored | undefined): unknown[] {
  let args: unknown;
  try {
    args = stored && decode(stored);
  } catch (cause) {
    throw new TaskQueueError(storedByOthers(name, queue), { cause });
  }
  if (!Array.isArray(args)) {
    throw new TaskQueueError(storedByOthers(name, queue));
  }
  return args;
}
