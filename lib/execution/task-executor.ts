import type { TaskCall } from '../task/call/task-call.ts';
import type { Attempt } from './attempt.ts';

/** Runs one attempt of a task, in some place. It knows nothing of requests, order or retries. */
export interface TaskExecutor {
  /**
   * Is asked when a task is added, in the caller's time.
   *
   * @param isStored whether it was accepted before, so that there can't be too many
   * @returns the call as it is to be run
   * @throws TooManyTasksError, TaskArgumentError
   */
  admit(call: TaskCall, isStored?: boolean): TaskCall;

  /** Is told when a task that was admitted has come to its end, whether it ran or not. */
  release(): void;

  /**
   * Runs it, and tells the attempt when its function begins. An attempt that fails earlier is never told. Once the attempt
   * is aborted, rejects with the reason as soon as nothing more can be done to end it.
   */
  execute(attempt: Attempt): Promise<unknown>;
}
