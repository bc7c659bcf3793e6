import { randomUUID } from 'node:crypto';
import { TaskArgumentError } from '../errors/task.errors.ts';
import { positionsOfPrevious } from '../task/call/flow.ts';
import type { TaskCall } from '../task/call/task-call.ts';
import type { TaskOptions } from '../task/definition/task-options.ts';
import type { BackgroundTask } from '../task/handle/background-task.ts';
import { flowNotWith, previousOfNone, retryIfOfCall, stepWithoutQueue } from './durable.messages.ts';
import type { DurableTask } from './task-queue.ts';

/**
 * Turns a call into a durable task, together with the tasks that have to complete before it.
 *
 * @param given the options of this call; they apply to each step of a chain or group
 * @param defaults the application's options for every task
 * @param options `given`, `defaults` and the options of the definition, merged
 * @throws TaskArgumentError if the call can't become a durable task
 */
export function toDurableTask(
  { id, createdAt, route }: Pick<BackgroundTask, 'id' | 'createdAt'> & { readonly route?: string | undefined },
  call: TaskCall,
  given: TaskOptions,
  defaults: TaskOptions,
  options: TaskOptions = { ...defaults, ...call.definition?.options, ...given },
): DurableTask {
  const { name, args, before, definition } = call;
  if (given.retryIf) {
    throw new TaskArgumentError(retryIfOfCall(name));
  }
  if (definition?.queue === undefined) {
    throw new TaskArgumentError(stepWithoutQueue(name));
  }
  if (before) {
    assertFitsFlow(name, options);
  }
  const previousAt = positionsOfPrevious(args);
  if (previousAt.length > 0 && !before) {
    throw new TaskArgumentError(previousOfNone(name));
  }
  return {
    id,
    name,
    queue: definition.queue,
    args: previousAt.length === 0 ? args : args.map((arg, i) => (previousAt.includes(i) ? undefined : arg)),
    createdAt: Number(createdAt),
    route,
    options,
    previousAt,
    before: before && {
      isGroup: before.isGroup,
      tasks: before.calls.map((it) => toDurableTask({ id: randomUUID(), createdAt, route }, it, given, defaults)),
    },
  };
}

/** How many tasks it is, with those that have to complete before it. */
export function sizeOf({ before }: DurableTask): number {
  return before ? before.tasks.reduce((sum, task) => sum + sizeOf(task), 1) : 1;
}

function assertFitsFlow(name: string, options: TaskOptions): void {
  for (const option of ['delay', 'deduplication'] as const) {
    if (options[option]) {
      throw new TaskArgumentError(flowNotWith(name, option));
    }
  }
}
