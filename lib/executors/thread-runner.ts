import { runAsTask } from '../task/current-task.ts';
import { memoryIn, movedIn } from '../task/move.ts';
import { enterTaskThread, findThreadTask } from '../task/thread-tasks.ts';
import type { ThreadOutcome, ThreadRequest, ThreadResponse } from './thread-messages.ts';
import { ThreadTask } from './thread-task.ts';
import { packThrown } from './thrown.ts';

enterTaskThread();

/** Runs a task in the thread in which this is called. Never rejects: what happened is told by the response. */
export async function run(request: ThreadRequest): Promise<ThreadResponse> {
  const task = new ThreadTask(request);
  const outcome = await outcomeOf(request, task);
  task.end();
  const response = { ...outcome, ...task.said };
  return response.status === 'completed' ? movingMemory(response, response.result) : response;
}

/** The response has a clone of the result, so nobody misses the memory that is moved along with it. */
async function movingMemory<T extends object>(response: T, result: unknown): Promise<T> {
  const memory = memoryIn([result]);
  if (memory.length === 0) {
    return response;
  }
  const { Piscina } = await import('piscina');
  return Piscina.move({
    [Piscina.transferableSymbol]: memory,
    [Piscina.valueSymbol]: response,
  } as unknown as Parameters<typeof Piscina.move>[0]) as unknown as T;
}

async function outcomeOf(request: ThreadRequest, task: ThreadTask): Promise<ThreadOutcome> {
  let fn = findThreadTask(request.module, request.task);
  if (!fn) {
    try {
      await import(request.module);
    } catch (error) {
      return { status: 'not loaded', error: packThrown(error) };
    }
    fn = findThreadTask(request.module, request.task);
  }
  if (!fn) {
    return { status: 'not defined' };
  }
  let result: unknown;
  try {
    result = await runAsTask(task, async () => fn(...request.args));
  } catch (error) {
    return { status: 'threw', error: packThrown(error) };
  }
  try {
    return { status: 'completed', result: cloned(result) };
  } catch (error) {
    return { status: 'result not cloned', error: packThrown(error) };
  }
}

/** Tries here what the message will do, because a result that can't be sent would end the thread. */
function cloned(result: unknown): unknown {
  const isPrimitive = typeof result !== 'object' && typeof result !== 'function' && typeof result !== 'symbol';
  return isPrimitive || result === null ? result : structuredClone(result, { transfer: movedIn([result]) });
}
