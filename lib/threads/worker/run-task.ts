import { memoryIn, movedIn } from '../../task/call/move.ts';
import { enterTaskThread, findThreadTask, forgetThreadTasks } from '../../task/definition/thread-registry.ts';
import { runAsTask } from '../../task/handle/current-task.ts';
import type { AnyFunction } from '../../task/model/signatures.ts';
import { cloneForMainThread, isPrimitive } from '../../util/clone.ts';
import { packThrown } from '../wire/packed-error.ts';
import type { ThreadOutcome, ThreadRequest, ThreadResponse } from '../wire/protocol.ts';
import { ThreadTask } from './thread-current-task.ts';

enterTaskThread();

type MaybePromise<T> = T | Promise<T>;

/**
 * Runs a task in the thread in which this is called. Never throws or rejects: what happened is told by the response. That
 * of a sync function is there at once, since every promise on the way costs as much as the rest.
 */
export function run(request: ThreadRequest): MaybePromise<ThreadResponse> {
  const [, , , module, definedAs] = request;
  const fn = findThreadTask(module, definedAs);
  return fn ? runTask(fn, request) : loadTask(request);
}

async function loadTask(request: ThreadRequest): Promise<ThreadResponse> {
  const [, , , module, definedAs] = request;
  try {
    await import(module);
  } catch (error) {
    // What it defined before it threw would run in half a module.
    forgetThreadTasks(module);
    return { status: 'not loaded', error: packThrown(error) };
  }
  const fn = findThreadTask(module, definedAs);
  return fn ? runTask(fn, request) : { status: 'not defined' };
}

function runTask(fn: AnyFunction, request: ThreadRequest): MaybePromise<ThreadResponse> {
  const [id, name, attempt, , , args, tellsBeginning] = request;
  const task = new ThreadTask(id, name, attempt);
  if (tellsBeginning) {
    task.tellBeginning();
  }
  const respond = (outcome: ThreadOutcome) => {
    task.end();
    return movingMemory(task.said ? { ...outcome, ...task.said } : outcome);
  };
  const threw = (thrown: unknown) => respond({ status: 'threw', error: packThrown(thrown) });
  return runAsTask(task, () => {
    let result: unknown;
    try {
      result = fn(...args);
    } catch (error) {
      return threw(error);
    }
    return isPrimitive(result)
      ? respond({ status: 'completed', result })
      : Promise.resolve(result).then((value) => respond(completed(value)), threw);
  });
}

/** Tries here what the message will do, because a result that can't be sent would end the thread. */
function completed(result: unknown): ThreadOutcome {
  try {
    return { status: 'completed', result: cloneForMainThread(result, movedIn([result])) };
  } catch (error) {
    return { status: 'result not cloned', error: packThrown(error) };
  }
}

/** The response has a clone of the result, so nobody misses the memory that is moved along with it. */
function movingMemory(response: ThreadResponse): MaybePromise<ThreadResponse> {
  const memory = response.status === 'completed' ? memoryIn([response.result]) : [];
  if (memory.length === 0) {
    return response;
  }
  return import('piscina').then(
    ({ Piscina }) =>
      Piscina.move({
        [Piscina.transferableSymbol]: memory,
        [Piscina.valueSymbol]: response,
      } as unknown as Parameters<typeof Piscina.move>[0]) as unknown as ThreadResponse,
  );
}
