import { withoutFrames } from '../util/error-text.ts';
import { BackgroundTasksError } from './background-tasks.error.ts';

/**
 * `addTask` or `start` was called with something that can't be run. Thrown at the call, so that its caller learns of it.
 *
 * @since 0.1.0
 */
export class TaskArgumentError extends BackgroundTasksError {}

export const taskTimedOut = (name: string, timeout: number) =>
  `Task "${name}" ran out of time: an attempt may take ${timeout} ms. Raise its timeout, or have it do less.`;

/** Who cancelled a task. */
export const byCaller = 'by cancel()';
export const byClosing = 'because the application was closed';

export const taskCancelled = (name: string, by: string) => `Task "${name}" was cancelled ${by}.`;

/**
 * `defineTask` was given something that can't become a task. Thrown where the task is defined.
 *
 * @since 0.1.0
 */
export class DefineTaskError extends BackgroundTasksError {}

/**
 * An option of the module or of a task has an unknown name or a wrong value.
 *
 * @since 0.1.0
 */
export class InvalidOptionError extends BackgroundTasksError {}

/**
 * A task was cancelled. The reason of its signal, and then the task's error.
 *
 * @since 0.1.0
 */
export class TaskCancelledError extends BackgroundTasksError {
  constructor(
    readonly taskName: string,
    /** By whom or what, as it completes the sentence "it was cancelled …". */
    readonly by: string,
  ) {
    super(taskCancelled(taskName, by));
    this.stack = withoutFrames(this);
  }
}

/**
 * A task failed on account of its thread: it could not start, could not load the task, or ended under it.
 *
 * @since 0.1.0
 */
export class TaskThreadError extends BackgroundTasksError {}

/**
 * An attempt of a task ran out of time. The reason of the task's signal, and then the task's error.
 *
 * @since 0.1.0
 */
export class TaskTimeoutError extends BackgroundTasksError {
  constructor(
    readonly taskName: string,
    /** ms that the attempt had. */
    readonly timeout: number,
  ) {
    super(taskTimedOut(taskName, timeout));
    this.stack = withoutFrames(this);
  }
}
