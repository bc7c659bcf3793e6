import { AsyncResource } from 'node:async_hooks';
import { memoryIn, movedIn } from '../../task/call/move.ts';
import { enterTaskThread, findThreadTask, forgetThreadTasks } from '../../task/definition/thread-registry.ts';
import { tracedInThread } from '../../observe/thread-trace.ts';
import { runAsTaskIn } from '../../task/handle/current-task.ts';
import type { AnyFunction } from '../../task/model/signatures.ts';
import { cloneForMainThread, isPrimitive, reasonNotCloned } from '../../util/clone.ts';
import { tryBegin } from '../wire/beginning.ts';
import { packThrown } from '../wire/packed-error.ts';
import type { ThreadOutcome, ThreadRequest, ThreadResponse } from '../wire/protocol.ts';
import { ThreadCurrentTask } from './thread-current-task.ts';

enterTaskThread();

type MaybePromise<T> = T | Promise<T>;
type ImportModule = (url: string) => Promise<unknown>;

/**
 * Runs a task in this thread. Never throws or rejects: the response says what happened. A sync function that throws or
 * returns a primitive gets no promise, because each promise costs as much as all other steps together.
 */
export function run(request: ThreadRequest, importModule: ImportModule): MaybePromise<ThreadResponse> {
  const [module, definitionName] = request;
  const fn = findThreadTask(module, definitionName);
  return fn ? runTask(fn, request) : loadAndRun(request, importModule);
}

async function loadAndRun(request: ThreadRequest, importModule: ImportModule): Promise<ThreadResponse> {
  const [module, definitionName] = request;
  try {
    await importModule(module);
  } catch (error) {
    // A later request must not find the tasks that the module defined before it threw: the rest of it did not run.
    forgetThreadTasks(module);
    return { status: 'not loaded', error: packThrown(error) };
  }
  const fn = findThreadTask(module, definitionName);
  return fn ? runTask(fn, request) : { status: 'not defined' };
}

function runTask(fn: AnyFunction, request: ThreadRequest): MaybePromise<ThreadResponse> {
  const [, , id, name, attempt, args, runId, beginning, traced] = request;
  if (beginning && !tryBegin(beginning)) {
    return { status: 'withdrawn' };
  }
  const task = new ThreadCurrentTask(id, name, attempt, runId);
  if (beginning) {
    task.reportBeginning();
  }
  const respond = (outcome: ThreadOutcome) => {
    task.dispose();
    const { finalProgress } = task;
    return moveMemory(finalProgress ? { ...outcome, ...finalProgress } : outcome);
  };
  const threw = (thrown: unknown) => respond({ status: 'threw', error: packThrown(thrown) });
  // A scope of its own for each run: before Node 24, a task can enter contexts that stay in the resource of the scope.
  return runAsTaskIn(new AsyncResource('BackgroundTask'), task, () => {
    let result: unknown;
    try {
      const message = traced && { id, name, attempt, runsIn: 'thread' as const, isInThread: true, ...traced };
      result = message ? tracedInThread(message, () => fn(...args)) : fn(...args);
    } catch (error) {
      return threw(error);
    }
    return isPrimitive(result)
      ? respond({ status: 'completed', result })
      : Promise.resolve(result).then((value) => respond(cloneResult(value)), threw);
  });
}

/** Clones the result here, because a result that can't be posted would end the thread. */
function cloneResult(result: unknown): ThreadOutcome {
  try {
    return { status: 'completed', result: cloneForMainThread(result, movedIn([result])) };
  } catch (error) {
    return { status: 'result not cloned', error: packThrown(new Error(reasonNotCloned(error, result))) };
  }
}

/** Moves the memory of the result with the response. The result is a clone that nothing else in this thread uses. */
function moveMemory(response: ThreadResponse): MaybePromise<ThreadResponse> {
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
