import { Logger } from '@nestjs/common';
import { ANONYMOUS, type TaskCall } from '../task/call/task-call.ts';
import type { BackgroundTask } from '../task/handle/background-task.ts';
import { stackOf } from '../util/error-text.ts';
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
  tasksNotStored,
  tasksSkipped,
} from './engine.messages.ts';

/** Names the request to which a task belongs: asked for only where something is said of it. */
export type Origin = () => string;

/** What is said in the application's log, each in the async context of the task that it is about. */
export class TaskLog {
  readonly #logger = new Logger('BackgroundTasks');
  readonly #blockers = new Set<string>();

  constructor(private readonly blockingThreshold: number) {}

  failed(task: BackgroundTask, call: TaskCall, origin?: Origin): void {
    this.#say(call, () => this.#logger.error(taskFailed(task, origin?.()), stackOf(task.error)));
  }

  retrying(task: BackgroundTask, call: TaskCall, delay: number, origin?: Origin): void {
    this.#say(call, () => this.#logger.debug(taskRetrying(task, delay, origin?.()), stackOf(task.error)));
  }

  retryIfThrew(task: BackgroundTask, call: TaskCall, thrown: unknown): void {
    this.#say(call, () => this.#logger.error(retryIfThrew(task), stackOf(thrown)));
  }

  subscriberThrew(thrown: unknown): void {
    this.#write(() => this.#logger.error(subscriberThrew(), stackOf(thrown)));
  }

  storeFailed(error: unknown): void {
    this.#write(() => this.#logger.warn(storeFailed(), stackOf(error)));
  }

  notStored(tasks: readonly BackgroundTask[], isRunHere: boolean, error: unknown, origin?: Origin): void {
    this.#write(() => this.#logger.error(tasksNotStored(tasks, isRunHere, origin?.()), stackOf(error)));
  }

  lost(finished: number, tasks: readonly BackgroundTask[], timeout: number): void {
    this.#write(() => this.#logger.warn(tasksLost(finished, tasks, timeout)));
  }

  recordRefused(task: BackgroundTask, error: unknown): void {
    this.#write(() => this.#logger.warn(recordRefused(task), stackOf(error)));
  }

  skipped(failed: BackgroundTask, call: TaskCall, skipped: readonly BackgroundTask[], origin?: Origin): void {
    this.#say(call, () => this.#logger.warn(tasksSkipped(failed, skipped, origin?.())));
  }

  /** @param busy ms for which the call kept the event loop to itself */
  returned(call: TaskCall, busy: number): void {
    const threshold = this.blockingThreshold;
    if (threshold === 0 || busy <= threshold) {
      return;
    }
    // Arrow functions have no name to tell them apart by.
    const blocker = call.name === ANONYMOUS ? String(call.fn) : call.name;
    if (this.#blockers.has(blocker)) {
      return;
    }
    // Names can be made at run time, one for each task: then not each is worth a line, nor its memory.
    if (this.#blockers.size < MAX_BLOCKERS) {
      this.#blockers.add(blocker);
      this.#say(call, () => this.#logger.warn(eventLoopBlocked(call.name, busy, threshold)));
    }
  }

  /** A thread in which no task ran has ended by an error: what a task left behind there, most likely. */
  threadLost(error: unknown): void {
    this.#write(() => this.#logger.warn(idleThreadLost(), stackOf(error)));
  }

  #say(call: TaskCall, write: () => void): void {
    call.scope.runInAsyncScope(() => this.#write(write));
  }

  /** A logger that throws must not end the list of tasks of which it was to tell. */
  #write(write: () => void): void {
    try {
      write();
    } catch (error) {
      process.emitWarning(stackOf(error), 'BackgroundTasksWarning');
    }
  }
}

const MAX_BLOCKERS = 1_000;
