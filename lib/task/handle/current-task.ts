import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import { TaskArgumentError } from '../../errors/task.errors.ts';
import { cloneForMainThread } from '../../util/clone.ts';
import { kindOf } from '../../util/inspect.ts';
import { perThread } from '../../util/per-thread.ts';
import type { TaskProgress } from '../model/task-record.ts';
import { wrongProgress } from '../task.messages.ts';

/**
 * Gives a running task its id, attempt and signal, and takes its progress.
 *
 * @since 0.1.0
 */
export interface CurrentTask {
  /** The id of the task, as its handle has it. */
  readonly id: string;
  readonly name: string;
  /** Which attempt this is: 1 for the first. */
  readonly attempt: number;
  /**
   * Aborts when the attempt times out or the task is cancelled; its `reason` is the error.
   *
   * Pass it to `fetch` and other calls that take a signal. In a thread, a task that has read its signal gets a moment
   * to return; the thread of any other task is killed at once.
   */
  readonly signal: AbortSignal;
  /**
   * Reports how far the task has come: a number, or an object. An object is cloned.
   *
   * @throws TaskArgumentError if it is neither
   * @throws DataCloneError if the object can't be cloned
   */
  readonly updateProgress: (progress: TaskProgress) => void;
}

/**
 * Copies progress, since the task may change its object later.
 *
 * @throws TaskArgumentError, DataCloneError
 */
export function copyProgress(progress: TaskProgress): TaskProgress {
  if (typeof progress === 'number') {
    return progress;
  }
  if (typeof progress !== 'object' || progress === null) {
    throw new TaskArgumentError(wrongProgress(kindOf(progress)));
  }
  return cloneForMainThread(progress);
}

const storage = perThread('currentTask', () => new AsyncLocalStorage<CurrentTask>());

/**
 * Returns the running task, on the event loop or in a thread. Never throws.
 *
 * It works in the function of the task, and in everything that the function calls or awaits. Outside of a task it
 * returns `undefined`.
 *
 * @example
 * async function importRows(rows: Row[]) {
 *   for (const [i, row] of rows.entries()) {
 *     currentTask()?.signal.throwIfAborted();
 *     await insert(row);
 *     currentTask()?.updateProgress(i / rows.length);
 *   }
 * }
 *
 * @since 0.1.0
 */
export function currentTask(): CurrentTask | undefined {
  return storage.getStore();
}

function runAsTask<T, Task extends CurrentTask>(task: Task, fn: (task: Task) => T): T {
  return storage.run(task, fn, task);
}

let endsWithScope: boolean | undefined;

/**
 * Calls a function in the async context of a resource, with `currentTask()` set. Await its result inside `fn`: a lazy
 * thenable starts only when awaited.
 */
export function runAsTaskIn<T, Task extends CurrentTask>(scope: AsyncResource, task: Task, fn: (task: Task) => T): T {
  // From Node 24 on, `run` copies the async context twice: to enter it, and to leave it. In a scope, one copy is enough.
  endsWithScope ??= endsWhatIsEntered();
  return scope.runInAsyncScope<undefined, T>(endsWithScope ? enterAsTask : runAsTask, undefined, task, fn);
}

function enterAsTask<T, Task extends CurrentTask>(task: Task, fn: (task: Task) => T): T {
  storage.enterWith(task);
  return fn(task);
}

/** Whether the end of a scope also ends what was entered in it. Before Node 24, its resource keeps that. */
function endsWhatIsEntered(): boolean {
  const tried = new AsyncLocalStorage<boolean>();
  const scope = new AsyncResource('BackgroundTasks');
  scope.runInAsyncScope(() => tried.enterWith(true));
  const isKept = scope.runInAsyncScope(() => tried.getStore());
  tried.disable();
  return !isKept;
}
