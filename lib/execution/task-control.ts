import type { TaskCall } from '../task/call/task-call.ts';
import type { TaskOptions } from '../task/definition/task-options.ts';
import type { BackgroundTask } from '../task/handle/background-task.ts';

/**
 * How tests decide when tasks run. The testing kit provides it; in production there is none, and tasks run as they are meant
 * to.
 */
export interface TaskControl {
  /** Whether the tasks of a request run before its response leaves. */
  readonly isInline: boolean;

  /**
   * Called for each task that the application accepts.
   *
   * @param isOpen whether the task waits for no response
   */
  added(task: BackgroundTask, call: TaskCall, options: TaskOptions, isOpen: boolean): void;

  /** Calls `start` once the task may start: at once, or when the test says so. */
  whenAllowed(task: BackgroundTask, start: () => void): void;

  /**
   * Waits for a delay or a backoff, unless the test runs tasks without them.
   *
   * @returns ends the wait without a call of `onEnd`
   */
  wait(ms: number, onEnd: () => void): () => void;

  /** The application begins to close: tasks that wait for the test are cancelled. */
  close(): void;

  /** What a failed task threw. */
  thrownBy(task: BackgroundTask): unknown;
}

/** A global module provides it, so the order of imports does not matter to the engine. */
export const TASK_CONTROL = Symbol('TaskControl');
