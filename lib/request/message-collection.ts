import type { TaskEngine } from '../engine/task-engine.ts';
import type { Outcome } from '../engine/task-entry.ts';
import type { TaskList } from '../engine/task-list.ts';
import { shuttingDown, ShuttingDownError } from '../errors/unavailable.errors.ts';
import type { TaskCall } from '../task/call/task-call.ts';
import type { TaskOptions } from '../task/definition/task-options.ts';
import type { BackgroundTask } from '../task/handle/background-task.ts';
import { HANDLER_GRACE } from './http/response-watcher.ts';
import type { TaskCollection } from './task-collection.ts';

/** What is known of a message that is no HTTP request: to a microservice, or by a WebSocket. */
export class MessageCollection implements TaskCollection {
  current?: TaskList;
  /** Whether it came when the application was being closed. */
  readonly isLate: boolean;
  #isOpen = false;
  #isHandlerEntered = false;
  #outcome: Outcome;
  #waiting?: NodeJS.Timeout;

  /** @param isIntercepted whether we are told when a handler is entered: not so in a hybrid application by default */
  constructor(
    private readonly engine: TaskEngine,
    private readonly isIntercepted: boolean,
  ) {
    this.isLate = isIntercepted && engine.phase !== 'open';
  }

  /**
   * Whether it may add no tasks any more: it came when the application was being closed, and under steady traffic that
   * would never end. Its handler is told, and so is who sent it.
   */
  isTooLate(): boolean {
    return this.isLate && !this.#isOpen;
  }

  /** @throws ShuttingDownError, TooManyTasksError, TaskArgumentError */
  add(call: TaskCall, options: TaskOptions): BackgroundTask {
    if (this.isTooLate()) {
      throw new ShuttingDownError(shuttingDown(call.name));
    }
    if (!this.current) {
      this.current = this.engine.createList();
      if (this.#isOpen || (!this.#isHandlerEntered && !this.isIntercepted)) {
        this.#open(this.#outcome);
      } else if (!this.#isHandlerEntered) {
        // By a guard, which has refused the message if its handler isn't entered.
        this.#waiting = setTimeout(() => this.#open('failure'), HANDLER_GRACE).unref();
      }
    }
    return this.current.add(call, options);
  }

  /** Before the reply: see `HttpCollection`. */
  async store(outcome: 'success' | 'failure'): Promise<void> {
    await this.current?.flush(outcome);
  }

  handlerIsEntered(): void {
    this.#isHandlerEntered = true;
    clearTimeout(this.#waiting);
  }

  /** To be called when the handler is done with the message. Its reply goes out in this turn of the event loop. */
  handlerIsDone(outcome: Outcome): void {
    if (!this.#isOpen) {
      this.#open(outcome);
    }
  }

  #open(outcome: Outcome): void {
    this.#isOpen = true;
    this.#outcome = outcome;
    this.current?.open(outcome);
  }
}
