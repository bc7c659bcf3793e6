import { withoutFrames } from '../util/error-text.ts';
import { BackgroundTasksError } from './background-tasks.error.ts';

/**
 * Reports an option with an unknown name or a wrong value.
 *
 * @since 0.1.0
 */
export class InvalidOptionError extends BackgroundTasksError {
  readonly code = 'BACKGROUND_TASKS_OPTION';
}

/**
 * Reports that `defineTask` or `@Task` was given something that can't become a task.
 *
 * @since 0.1.0
 */
export class DefineTaskError extends BackgroundTasksError {
  readonly code = 'BACKGROUND_TASKS_DEFINITION';
}

/**
 * Reports that `addTask`, `start`, `step`, `move` or the like was given something that it can't use.
 *
 * @since 0.1.0
 */
export class TaskArgumentError extends BackgroundTasksError {
  readonly code = 'BACKGROUND_TASKS_ARGUMENT';
}

/**
 * Names why a task was cancelled.
 *
 * - `requested`: code called `cancel()`.
 * - `shutdown`: the application closed before the task settled.
 * - `removed`: the durable task is no longer in its queue, and as far as this process knows, it had not settled.
 *
 * @since 0.1.0
 */
export type CancelReason = 'requested' | 'shutdown' | 'removed';

const CANCELLED_BY: { readonly [reason in CancelReason]: string } = {
  requested: 'by cancel()',
  shutdown: 'because the application was closed',
  removed: 'because it was removed from its queue',
};

export const taskCancelled = (name: string, reason: CancelReason) =>
  `Task "${name}" was cancelled ${CANCELLED_BY[reason]}.`;

/**
 * Reports that a task was cancelled.
 *
 * The task's signal aborts with this error, and then the task settles with it.
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

export const taskTimedOut = (name: string, timeout: number) =>
  `Task "${name}": an attempt took longer than its timeout of ${timeout} ms. ` +
  'Raise the timeout, or let the task do less.';

/**
 * Reports that an attempt took longer than the option `timeout`.
 *
 * The task's signal aborts with this error, and then the attempt fails with it.
 *
 * @since 0.1.0
 */
export class TaskTimeoutError extends BackgroundTasksError {
  readonly code = 'BACKGROUND_TASKS_TIMEOUT';

  constructor(
    readonly taskName: string,
    /** The timeout of the attempt, in ms. */
    readonly timeout: number,
  ) {
    super(taskTimedOut(taskName, timeout));
    this.stack = withoutFrames(this);
  }
}

/**
 * Reports that a task failed because of its worker thread.
 *
 * The thread could not start, could not load the task, crashed, or could not return the result.
 *
 * @since 0.1.0
 */
export class TaskThreadError extends BackgroundTasksError {
  readonly code = 'BACKGROUND_TASKS_THREAD';
}

/**
 * Reports that a task failed because Nest did not make its provider in time.
 *
 * @since 0.1.0
 */
export class TaskProviderError extends BackgroundTasksError {
  readonly code = 'BACKGROUND_TASKS_PROVIDER';
}
