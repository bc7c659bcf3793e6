import { AsyncLocalStorage } from 'node:async_hooks';
import { TaskArgumentError } from '../../errors/task.errors.ts';
import { cloneForMainThread } from '../../util/clone.ts';
import { describe } from '../../util/inspect.ts';
import { perThread } from '../../util/per-thread.ts';
import type { TaskProgress } from '../model/task-record.ts';
import { wrongProgress } from '../task.messages.ts';

/**
 * What a task can know of itself and do with itself while it runs.
 *
 * @since 0.1.0
 */
export interface CurrentTask {
  /** The task's id, as its handle has it. */
  readonly id: string;
  readonly name: string;
  /** Which attempt this is: 1 for the first. */
  readonly attempt: number;
  /**
   * Aborted when the attempt has run out of time, or the task was cancelled; its `reason` tells which. Hand it to `fetch`
   * and the like. In a thread, a task that has looked at its signal gets a moment to end by itself; others are killed.
   */
  readonly signal: AbortSignal;
  /**
   * Tells those who watch the task how far it has come: a number, or an object that can be cloned, as it is now.
   *
   * @throws TaskArgumentError if it is neither; DataCloneError if it can't be cloned
   */
  readonly updateProgress: (progress: TaskProgress) => void;
}

/**
 * Progress as it is now, since the task can go on with an object of its own.
 *
 * @throws TaskArgumentError, DataCloneError
 */
export function copyProgress(progress: TaskProgress): TaskProgress {
  if (typeof progress === 'number') {
    return progress;
  }
  if (typeof progress !== 'object' || progress === null) {
    throw new TaskArgumentError(wrongProgress(describe(progress)));
  }
  return cloneForMainThread(progress);
}

const storage = perThread('currentTask', () => new AsyncLocalStorage<CurrentTask>());

/**
 * The task that is running here: in its function and whatever that calls or awaits, on the event loop or in a thread.
 * `undefined` elsewhere.
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

/** Calls a function as the given task. What it returns has to be awaited inside, since a thenable may begin only then. */
export function runAsTask<T>(task: CurrentTask, fn: () => T): T {
  return storage.run(task, fn);
}
