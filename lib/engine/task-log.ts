import { Logger } from '@nestjs/common';
import { ANONYMOUS, type TaskCall } from '../task/call/task-call.ts';
import type { BackgroundTask } from '../task/handle/background-task.ts';
import type { RequestOrigin } from '../task/model/task-route.ts';
import { stackOf } from '../util/error-text.ts';
import { warnProcess } from '../util/process-warning.ts';
import { TaskLogLine } from './task-log-line.ts';
import {
  eventLoopBlocked,
  idleThreadLost,
  recordRefused,
  retryIfThrew,
  storeFailed,
  subscriberThrew,
  taskFailed,
  taskRetrying,
  tasksLost,
  tasksNotEnqueued,
  tasksSkipped,
} from './engine.messages.ts';

/** How many names of blocking tasks the log remembers. An application may give each task another name. */
const MAX_BLOCKERS = 1_000;

/** Writes the log. A line about one task is written in its async context, so that the logger finds the request. */
export class TaskLog {
  readonly #logger = new Logger('BackgroundTasks');
  readonly #blockers = new Set<string>();

  failed(task: BackgroundTask, error: unknown, call: TaskCall, origin?: RequestOrigin): void {
    this.#writeFor(call, () =>
      this.#logger.error(new TaskLogLine(taskFailed(task, origin?.path), task, error, 'error')),
    );
  }

  retrying(task: BackgroundTask, error: unknown, call: TaskCall, delay: number, origin?: RequestOrigin): void {
    this.#writeFor(call, () =>
      this.#logger.debug(new TaskLogLine(taskRetrying(task, delay, origin?.path), task, error, 'debug')),
    );
  }

  retryIfThrew(task: BackgroundTask, call: TaskCall, thrown: unknown): void {
    this.#writeFor(call, () => this.#logger.error(new TaskLogLine(retryIfThrew(task), task, thrown, 'error')));
  }

  skipped(failed: BackgroundTask, call: TaskCall, skipped: readonly BackgroundTask[], origin?: RequestOrigin): void {
    this.#writeFor(call, () => this.#logger.warn(tasksSkipped(failed, skipped, origin?.path)));
  }

  /**
   * Warns, once for each name, that a call blocked the event loop.
   *
   * @param busy ms for which the call kept the event loop busy
   */
  blocked(call: TaskCall, busy: number, threshold: number): void {
    // Anonymous functions all have the same name.
    const blocker = call.name === ANONYMOUS ? String(call.fn) : call.name;
    if (this.#blockers.has(blocker) || this.#blockers.size >= MAX_BLOCKERS) {
      return;
    }
    this.#blockers.add(blocker);
    this.#writeFor(call, () => this.#logger.warn(eventLoopBlocked(call.name, busy, threshold)));
  }

  notEnqueued(tasks: readonly BackgroundTask[], isRunHere: boolean, error: unknown, origin?: RequestOrigin): void {
    this.#write(() => this.#logger.error(tasksNotEnqueued(tasks, isRunHere, origin?.path), stackOf(error)));
  }

  lost(finished: number, tasks: readonly BackgroundTask[], timeout: number): void {
    this.#write(() => this.#logger.warn(tasksLost(finished, tasks, timeout)));
  }

  subscriberThrew(thrown: unknown): void {
    this.#write(() => this.#logger.error(subscriberThrew(), stackOf(thrown)));
  }

  storeFailed(error: unknown): void {
    this.#write(() => this.#logger.warn(storeFailed(), stackOf(error)));
  }

  recordRefused(task: BackgroundTask, error: unknown): void {
    this.#write(() => this.#logger.warn(recordRefused(task), stackOf(error)));
  }

  /** An error ended a thread without a task. */
  threadLost(error: unknown): void {
    this.#write(() => this.#logger.warn(idleThreadLost(), stackOf(error)));
  }

  #writeFor(call: TaskCall, write: () => void): void {
    call.scope.runInAsyncScope(() => this.#write(write));
  }

  /** A logger that throws must not stop the tasks. */
  #write(write: () => void): void {
    try {
      write();
    } catch (error) {
      warnProcess(error);
    }
  }
}
