import { TaskCancelledError } from '../errors/task-cancelled.error.ts';
import type { TaskExecutor } from '../executors/task-executor.ts';
import { byCaller } from '../messages.ts';
import { Attempt } from '../task/attempt.ts';
import type { TaskEnd } from '../task/background-task.ts';
import type { TaskCall } from '../task/task-call.ts';
import type { QueuedTask } from './queued-task.ts';
import type { Origin, TaskLog } from './task-log.ts';
import type { TaskTracker } from './task-tracker.ts';

/** Where tasks run. */
export interface TaskExecutors {
  readonly eventLoop: TaskExecutor;
  readonly threads: TaskExecutor;
}

/** Takes one task from step to step, and tells the log and the tracker of each. In which order tasks go is not its affair. */
export class TaskLife {
  constructor(
    private readonly executors: TaskExecutors,
    private readonly tracker: TaskTracker,
    private readonly log: TaskLog,
  ) {}

  /**
   * @returns the call as it is to be run
   * @throws TooManyTasksError, TaskArgumentError
   */
  admit(call: TaskCall): TaskCall {
    return this.#executorOf(call).admit(call);
  }

  add(queued: QueuedTask): void {
    const { task } = queued;
    task.onCancel(() => {
      task.stop(new TaskCancelledError(task.name, byCaller));
      this.#settled(queued, 'cancelled');
    });
    this.tracker.added(task);
  }

  /** Never rejects: a task that fails is logged, and its status tells. */
  async run(queued: QueuedTask, origin?: Origin): Promise<void> {
    const { task, call, timeout } = queued;
    const attempt = new Attempt(task, call, timeout, this.tracker);
    task.onCancel(() => attempt.abort(new TaskCancelledError(task.name, byCaller)));
    const outcome = await this.#executorOf(call)
      .execute(attempt)
      .then(
        (result) => ({ result }),
        (error: unknown) => ({ error }),
      );
    attempt.end();
    const { abortReason } = attempt;
    if (abortReason instanceof TaskCancelledError) {
      task.stop(abortReason);
      this.#settled(queued, 'cancelled');
    } else if (abortReason || 'error' in outcome) {
      task.fail(abortReason ?? (outcome as { error: unknown }).error);
      this.log.failed(task, call, origin);
      this.#settled(queued, 'failed');
    } else {
      task.complete(outcome.result);
      this.#settled(queued, 'completed');
    }
  }

  skip(queued: QueuedTask): void {
    queued.task.skip();
    this.#settled(queued, 'skipped');
  }

  #settled({ task, call }: QueuedTask, how: TaskEnd): void {
    this.#executorOf(call).release();
    this.tracker.settled(task, how);
  }

  #executorOf(call: TaskCall): TaskExecutor {
    return call.definition?.module === undefined ? this.executors.eventLoop : this.executors.threads;
  }
}
