import type { TaskCall } from '../task/call/task-call.ts';
import type { Attempt } from './attempt.ts';

/** Runs attempts in one kind of place: the event loop or threads. It doesn't know requests, order or retries. */
export interface TaskExecutor {
  /**
   * Decides whether to accept a task. Called when the task is added, so its errors reach the caller of `addTask`.
   *
   * @param isStored whether a queue accepted the task before, so the limit of tasks doesn't apply
   * @returns the call to run
   * @throws TooManyTasksError, TaskArgumentError
   */
  admit(call: TaskCall, isStored?: boolean): TaskCall;

  /** Called when an admitted task has settled, whether it ran or not. */
  release(): void;

  /**
   * Runs an attempt, and calls its `begin()` when the function begins; an attempt that fails earlier never begins. If the
   * attempt is aborted, rejects with the reason as soon as the executor has done all it can to stop it.
   */
  execute(attempt: Attempt): Promise<unknown>;
}
