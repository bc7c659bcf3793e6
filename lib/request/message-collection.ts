import type { TaskEngine } from '../engine/task-engine.ts';
import type { Outcome } from '../engine/task-entry.ts';
import type { TaskList } from '../engine/task-list.ts';
import { clearTimeout, setTimeout } from '../util/timers.ts';
import { GRACES } from './http/response-watcher.ts';
import { RequestCollection } from './request-collection.ts';

/**
 * The tasks of one message that is no HTTP request: to a microservice, or over a WebSocket. Their list opens when the
 * handler has ended: the reply goes out in the same turn of the event loop, and tasks start in a later one.
 */
export class MessageCollection extends RequestCollection {
  override list?: TaskList;
  override readonly isLate: boolean;
  #isOpen = false;
  #isHandlerEntered = false;
  #outcome: Outcome;
  #waitingForHandler?: NodeJS.Timeout;

  /** @param isIntercepted whether the interceptor runs for this message: by default not in a hybrid application */
  constructor(
    protected override readonly engine: TaskEngine,
    private readonly isIntercepted: boolean,
  ) {
    super();
    this.isLate = isIntercepted && engine.phase !== 'open';
  }

  /** Under steady traffic, closing would never end if late messages could add tasks. Their senders get the error. */
  override isTooLate(): boolean {
    return this.isLate && !this.#isOpen;
  }

  handlerIsEntered(): void {
    this.#isHandlerEntered = true;
    clearTimeout(this.#waitingForHandler);
  }

  handlerIsDone(outcome: Outcome): void {
    if (!this.#isOpen) {
      this.#open(outcome);
    }
  }

  protected override createList(): TaskList {
    const list = this.engine.createList();
    // Without the interceptor, nothing tells when the handler ends.
    if (this.#isOpen || (!this.#isHandlerEntered && !this.isIntercepted)) {
      this.#isOpen = true;
      list.open(this.#outcome);
    } else if (!this.#isHandlerEntered) {
      // A guard adds this task. If the guard refuses the message, the handler is never entered, and no event tells
      // that.
      this.#waitingForHandler = setTimeout(() => this.#open('failure'), GRACES.handler).unref();
    }
    return list;
  }

  #open(outcome: Outcome): void {
    this.#isOpen = true;
    this.#outcome = outcome;
    this.list?.open(outcome);
  }
}
