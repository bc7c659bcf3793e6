import { Logger } from '@nestjs/common';
import { inspectThrown } from '../errors/describe.ts';
import { eventLoopBlocked, taskFailed, tasksSkipped } from '../messages.ts';
import type { TaskCall } from '../task/task-call.ts';
import type { BackgroundTask } from '../task/background-task.ts';

/** Names the request to which a task belongs: asked for only where something is said of it. */
export type Origin = () => string;

/** What is said in the application's log, each in the async context of the task that it is about. */
export class TaskLog {
  readonly #logger = new Logger('BackgroundTasks');
  readonly #blockers = new Set<string>();

  constructor(private readonly blockingThreshold: number) {}

  failed(task: BackgroundTask, call: TaskCall, origin?: Origin): void {
    this.#say(call, () => this.#logger.error(taskFailed(task, origin?.()), inspectThrown(task.error)));
  }

  skipped(failed: BackgroundTask, call: TaskCall, skipped: readonly BackgroundTask[], origin?: Origin): void {
    this.#say(call, () => this.#logger.warn(tasksSkipped(failed, skipped, origin?.())));
  }

  /** @param busy ms for which the call kept the event loop to itself */
  returned(call: TaskCall, busy: number): void {
    const threshold = this.blockingThreshold;
    if (threshold === 0 || busy <= threshold || this.#blockers.has(call.name)) {
      return;
    }
    // Names can be made at run time, one for each task: then not each is worth a line, nor its memory.
    if (this.#blockers.size < MAX_BLOCKERS) {
      this.#blockers.add(call.name);
      this.#say(call, () => this.#logger.warn(eventLoopBlocked(call.name, busy, threshold)));
    }
  }

  /** A logger that throws must not end the list of tasks of which it was to tell. */
  #say(call: TaskCall, write: () => void): void {
    try {
      call.scope.runInAsyncScope(write);
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error), 'BackgroundTasksWarning');
    }
  }
}

const MAX_BLOCKERS = 1_000;
