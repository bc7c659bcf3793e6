import { withoutFrames } from '../util/error-text.ts';
import { BackgroundTasksError } from './background-tasks.error.ts';

/**
 * `addTask` or `start` was called with something that can't be run. Thrown at the call, so that its caller learns of it.
 *
 * @since 0.1.0
 */
export class TaskArgumentError extends BackgroundTasksError {
  readonly code = 'BACKGROUND_TASKS_ARGUMENT';
}

export const taskTimedOut = (name: string, timeout: number) =>
  `Task "${name}" ran out of time: an attempt may take ${timeout} ms. Raise its timeout, or have it do less.`;

/**
 * Why a task was cancelled. `requested`: somebody called `cancel()`. `shutdown`: the application closed before the task
 * settled.
 *
 * @since 0.1.0
 */
export type CancelReason = 'requested' | 'shutdown';

const CANCELLED_BY: { readonly [reason in CancelReason]: string } = {
  requested: 'by cancel()',
  shutdown: 'because the application was closed',
};

export const taskCancelled = (name: string, reason: CancelReason) =>
  `Task "${name}" was cancelled ${CANCELLED_BY[reason]}.`;

/**
 * `defineTask` was given something that can't become a task. Thrown where the task is defined.
 *
 * @since 0.1.0
 */
export class DefineTaskError extends BackgroundTasksError {
  readonly code = 'BACKGROUND_TASKS_DEFINITION';
}

/**
 * An option of the module or of a task has an unknown name or a wrong value.
 *
 * @since 0.1.0
 */
export class InvalidOptionError extends BackgroundTasksError {
  readonly code = 'BACKGROUND_TASKS_OPTION';
}

/**
 * Says why a task was cancelled: first as the reason of its signal, then as the task's error.
 *
 * @since 0.1.0
 */
export class TaskCancelledError extends BackgroundTasksError {
  readonly code = 'BACKGROUND_TASKS_CANCELLED';

  constructor(
    readonly taskName: string,
    readonly reason: CancelReason,
  ) {
    super(taskCancelled(taskName, reason));
    this.stack = withoutFrames(this);
  }
}

/**
 * A task failed on account of its thread: it could not start, could not load the task, or ended under it.
 *
 * @since 0.1.0
 */
export class TaskThreadError extends BackgroundTasksError {
  readonly code = 'BACKGROUND_TASKS_THREAD';
}

/**
 * An attempt of a task ran out of time. The reason of the task's signal, and then the task's error.
 *
 * @since 0.1.0
 */
export class TaskTimeoutError extends BackgroundTasksError {
  readonly code = 'BACKGROUND_TASKS_TIMEOUT';

  constructor(
    readonly taskName: string,
    /** ms that the attempt had. */
    readonly timeout: number,
  ) {
    super(taskTimedOut(taskName, timeout));
    this.stack = withoutFrames(this);
  }
}
