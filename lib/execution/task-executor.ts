import type { TaskCall } from '../task/call/task-call.ts';
import type { Attempt } from './attempt.ts';

/** Runs attempts in one kind of place: the event loop or threads. It doesn't know requests, order or retries. */
export interface TaskExecutor {
  /**
   * Decides whether to accept a task. Called when the task is added, so its errors reach the caller of `addTask`.
   *
   * @param isDurable whether the task is durable. Then no limit applies: the process that added it has checked its own
   * @returns the call to run
   * @throws TooManyTasksError, TaskArgumentError
   */
  admit(call: TaskCall, isDurable?: boolean): TaskCall;

  /** Called once for each admitted task, when it has settled, whether it ran or not, or is back in its queue. */
  release(): void;

  /**
   * Runs an attempt. Never throws.
   *
   * Calls its `begin()` when the function begins (an attempt that fails earlier never begins), and its `succeed()` or
   * `fail()` when it has ended. An aborted attempt fails with the reason, but never within the call that aborts it: first
   * the executor does all it can to stop the attempt.
   */
  execute(attempt: Attempt): void;
}
