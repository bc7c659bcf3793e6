// Tasks start when their request's response is over. With a client that stays, that is `finish`: the operating system
// has the whole response. If the client leaves, `close` comes instead of `finish`, and the handler may still be at work.
// Then the response is over when the application ends it. No event says that the application will never end it, so the
// watcher waits for a limited time. Only requests with tasks are watched.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Linked } from '../../util/linked-list.ts';
import { clearTimeout, setTimeout } from '../../util/timers.ts';
import { onceConnectionCloses } from './connection-close.ts';
import type { ResponseGate } from './response-gate.ts';
import { answerUnavailable } from './unavailable-answer.ts';

/** How a handler ended. `torn down`: something unsubscribed from what it returned. */
export type HandlerEnd = 'returned' | 'streams' | 'thrown' | 'torn down';

/** The request of a response that is watched. */
export interface WatchedRequest {
  readonly isHandlerEntered: boolean;
  /** `undefined` while the handler is at work. */
  readonly handlerEnd?: HandlerEnd | undefined;
  /** Set once the request has a durable task. */
  readonly gate?: ResponseGate | undefined;
  /** Called once, when the response is over. */
  responseIsOver(): void;
}

/** How long to wait where no event tells that nothing more will come, in ms. An object, so that tests can shorten them. */
export const GRACES = {
  /** That filters and interceptors get to answer a client that has left, after the handler has ended. */
  answer: 1_000,
  /** That guards and interceptors get before they call the handler, or refuse to. */
  handler: 10_000,
};

/**
 * Knows when a response is over, and how it ended. Its states:
 *
 * - waiting for finish: `finish` leads to over, the client's leaving to one of the next two states;
 * - client gone, waiting for the handler: `handlerIsDone` leads to waiting for the answer;
 * - client gone, waiting for the answer (handler ended, or not entered yet): a time limit leads to over,
 *   `handlerIsEntered` back to waiting for the handler;
 * - over: `responseIsOver` was called, once.
 *
 * Once the client is gone, `end` and `pipe` of the response lead to over from any state.
 */
export class ResponseWatcher implements Linked<ResponseWatcher> {
  /** Its neighbours in the list of open responses. */
  previous: ResponseWatcher | undefined = undefined;
  next: ResponseWatcher | undefined = undefined;
  #isOver = false;
  #stopWatchingConnection?: () => void;
  /** Set while waiting for the answer. */
  #waitingForAnswer?: NodeJS.Timeout;
  #hasClientLeft = false;

  constructor(
    private readonly request: IncomingMessage,
    private readonly response: ServerResponse,
    private readonly watched: WatchedRequest,
  ) {}

  /** What the client saw, or would have seen if it had stayed. `success`: a status below 400. */
  get outcome(): 'success' | 'failure' {
    const { headersSent, writableEnded, statusCode } = this.response;
    const isUnanswered = !headersSent && !writableEnded;
    return statusCode >= 400 || (isUnanswered && this.watched.handlerEnd === 'thrown') ? 'failure' : 'success';
  }

  /** Starts to watch. Calls `responseIsOver` at once if the response is over already. */
  watch(): void {
    if (this.#isConnectionGone()) {
      this.#clientLeft();
      return;
    }
    // `on` is cheaper than `once`, and a response finishes and closes only once.
    // HTTP/2 emits `finish` also when its stream is closed before anybody has ended the response.
    const ended = () => (this.response.writableEnded ? this.#over() : this.#clientLeft());
    this.response.on('finish', ended);
    this.response.on('close', ended);
    // A pipelined request's response gets its socket only when its turn comes. If the client leaves before, the
    // response emits nothing.
    if (!this.response.socket) {
      this.#stopWatchingConnection = onceConnectionCloses(this.request.socket, () => this.#clientLeft());
    }
  }

  /** Call it just before the handler is called, also when an outer interceptor calls the handler again. */
  handlerIsEntered(): void {
    clearTimeout(this.#waitingForAnswer);
  }

  /** Call it when the handler has returned or thrown, and what it returned was consumed or torn down. */
  handlerIsDone(): void {
    if (!this.#isOver && this.#isConnectionGone()) {
      this.#overUnlessAnswered();
    }
  }

  /** Call it when the application can't wait any longer: a stream may go on for ever. */
  stopWaiting(): void {
    if (this.response.headersSent && !this.watched.gate?.isHoldingHead) {
      this.#over();
    }
  }

  /**
   * Call it when the request's tasks were cancelled: a client that has no answer yet gets a 503 in place of a success.
   */
  tasksAreLost(): void {
    const isRefused = this.watched.gate?.refuse(undefined, { isClosing: true });
    if (!isRefused && !this.response.headersSent) {
      answerUnavailable(this.response, { isClosing: true, isForced: true });
    }
  }

  #isConnectionGone(): boolean {
    return this.response.closed || this.request.socket.destroyed;
  }

  #clientLeft(): void {
    if (this.#hasClientLeft) {
      return;
    }
    this.#hasClientLeft = true;
    this.#stopWatchingConnection?.();
    if (this.response.writableEnded) {
      this.#over();
      return;
    }
    this.#watchEnd();
    // The handler has returned a stream. It writes to nobody and need not be waited for.
    this.response.once('pipe', () => this.#over());
    if (!this.watched.isHandlerEntered || this.watched.handlerEnd) {
      this.#overUnlessAnswered();
    }
  }

  /**
   * Waits for an answer to a client that has left, for as long as one may come. Often none comes, and no event tells:
   * Nest drops a stream, a filter sees that the client is gone, a handler that writes the response itself gives up.
   */
  #overUnlessAnswered(): void {
    const { headersSent } = this.response;
    const { handlerEnd } = this.watched;
    const isAnswerComing = !headersSent && handlerEnd !== 'streams' && handlerEnd !== 'torn down';
    const grace = !isAnswerComing ? 0 : handlerEnd ? GRACES.answer : GRACES.handler;
    clearTimeout(this.#waitingForAnswer);
    this.#waitingForAnswer = setTimeout(() => this.#over(), grace).unref();
  }

  /** Patch of `end`: the response of a pipelined request whose client has left emits no event when it is ended. */
  #watchEnd(): void {
    const { response } = this;
    // oxlint-disable-next-line typescript/unbound-method -- applied to its response below
    const end = response.end;
    response.end = ((...args: Parameters<typeof end>) => {
      response.end = end;
      try {
        return end.apply(response, args);
      } finally {
        this.#over();
      }
    }) as typeof end;
  }

  #over(): void {
    if (this.#isOver) {
      return;
    }
    this.#isOver = true;
    clearTimeout(this.#waitingForAnswer);
    this.#stopWatchingConnection?.();
    this.watched.responseIsOver();
  }
}
