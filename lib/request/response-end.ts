import type { ServerResponse } from 'node:http';
import { onceConnectionCloses } from './connection-close.ts';

/**
 * Knows when a response is over: handed to the operating system whole (`finish`), or left without a client (`close`) and
 * with nobody at work on it any more.
 */
export class ResponseEnd {
  #onOver?: () => void;
  #stopWatchingConnection?: () => void;
  #hasClientLeft = false;
  #isHandlerDone = false;
  #hasHandlerThrown = false;

  constructor(private readonly response: ServerResponse) {}

  /** What the client saw, or would have seen had it stayed: `success` is a status below 400. */
  get outcome(): 'success' | 'failure' {
    const { headersSent, writableEnded, statusCode } = this.response;
    const isUnanswered = !headersSent && !writableEnded;
    return statusCode >= 400 || (isUnanswered && this.#hasHandlerThrown) ? 'failure' : 'success';
  }

  /** Calls back once. To be called with the first task, since a request without one is to cost no listener. */
  whenOver(onOver: () => void): void {
    this.#onOver = onOver;
    if (this.#isConnectionGone()) {
      this.#clientLeft();
      return;
    }
    this.response.once('finish', () => this.#over());
    this.response.once('close', () => this.#clientLeft());
    // A pipelined request's response has no socket before its turn comes, and hears of nothing if the client leaves first.
    if (!this.response.socket) {
      this.#stopWatchingConnection = onceConnectionCloses(this.response.req.socket, () => this.#clientLeft());
    }
  }

  /** To be called when the handler has returned or thrown, and what it returned was consumed or torn down. */
  handlerIsDone(hasThrown: boolean): void {
    this.#isHandlerDone = true;
    this.#hasHandlerThrown = hasThrown;
    if (this.#onOver && this.#isConnectionGone()) {
      this.#overUnlessAnswered();
    }
  }

  #isConnectionGone(): boolean {
    return this.response.closed || this.response.req.socket.destroyed;
  }

  #clientLeft(): void {
    if (this.#hasClientLeft) {
      return;
    }
    this.#hasClientLeft = true;
    if (this.response.writableEnded) {
      this.#over();
    } else if (this.#isHandlerDone) {
      this.#overUnlessAnswered();
    } else {
      this.#watchEnd();
    }
  }

  // Nest answers in the microtasks after the handler if it answers at all. It doesn't for an Observable or a stream whose
  // client has left; nor does a handler that writes the response itself and gave up.
  #overUnlessAnswered(): void {
    setImmediate(() => this.#over());
  }

  // Where the handler is never reached, because a guard or a middleware refuses, the answer to nobody is the only sign
  // that they are done. A dead response of a pipelined request emits no event for it.
  #watchEnd(): void {
    const { response } = this;
    // oxlint-disable-next-line typescript/unbound-method -- applied to its response below
    const end = response.end;
    response.end = ((...args: Parameters<typeof end>) => {
      response.end = end;
      const returned = end.apply(response, args);
      this.#over();
      return returned;
    }) as typeof end;
  }

  #over(): void {
    const onOver = this.#onOver;
    this.#onOver = undefined;
    this.#stopWatchingConnection?.();
    onOver?.();
  }
}
