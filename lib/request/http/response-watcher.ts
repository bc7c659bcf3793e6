import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { answerUnavailable } from './unavailable-answer.ts';

/** How a handler came to its end: `torn down` where nobody waits for what it returned any more. */
export type HandlerEnd = 'returned' | 'streams' | 'thrown' | 'torn down';

/** How far the handler has come. */
export interface HandlerState {
  readonly isHandlerEntered: boolean;
  /** None while it is at work. */
  readonly handlerEnd?: HandlerEnd | undefined;
}

/** ms for the layers around the handler to answer a client that has left, before their answer is no longer waited for. */
const ANSWER_GRACE = 1_000;

/** ms for what comes before the handler, likewise: only there can the handler still be to come. */
export const HANDLER_GRACE = 10_000;

/**
 * Knows when a response is over: handed to the operating system whole (`finish`), or left without a client (`close`) and
 * with nobody at work on it any more.
 */
export class ResponseWatcher {
  #onOver?: () => void;
  #stopWatchingConnection?: () => void;
  #waitingForAnswer?: NodeJS.Timeout;
  #hasClientLeft = false;

  constructor(
    private readonly request: IncomingMessage,
    private readonly response: ServerResponse,
    private readonly handler: HandlerState,
  ) {}

  /** What the client saw, or would have seen had it stayed: `success` is a status below 400. */
  get outcome(): 'success' | 'failure' {
    const { headersSent, writableEnded, statusCode } = this.response;
    const isUnanswered = !headersSent && !writableEnded;
    return statusCode >= 400 || (isUnanswered && this.handler.handlerEnd === 'thrown') ? 'failure' : 'success';
  }

  /** Calls back once. To be called with the first task, since a request without one is to cost no listener. */
  whenOver(onOver: () => void): void {
    this.#onOver = onOver;
    if (this.#isConnectionGone()) {
      this.#clientLeft();
      return;
    }
    // Not by `once`, which costs more, and is no more than what these do: a response ends once.
    // HTTP/2 says so too when the stream is closed and nobody has ended it.
    this.response.on('finish', () => (this.response.writableEnded ? this.#over() : this.#clientLeft()));
    this.response.on('close', () => this.#clientLeft());
    // A pipelined request's response has no socket before its turn comes, and hears of nothing if the client leaves first.
    if (!this.response.socket) {
      this.#stopWatchingConnection = onceConnectionCloses(this.request.socket, () => this.#clientLeft());
    }
  }

  /** To be called when the handler is about to be called: again where an outer layer retries. */
  handlerIsEntered(): void {
    clearTimeout(this.#waitingForAnswer);
  }

  /** To be called when the handler has returned or thrown, and what it returned was consumed or torn down. */
  handlerIsDone(): void {
    if (this.#onOver && this.#isConnectionGone()) {
      this.#overUnlessAnswered();
    }
  }

  /** To be called when the application can't wait for it any longer: what is sent piece by piece may go on for ever. */
  stopWaiting(): void {
    if (this.response.headersSent) {
      this.#over();
    }
  }

  /** To be called when its tasks were cancelled: who has not been answered yet is not to hear that all went well. */
  tasksAreLost(): void {
    if (!this.response.headersSent) {
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
    // A stream is what the handler has returned: all of it is dropped.
    this.response.once('pipe', () => this.#over());
    if (!this.handler.isHandlerEntered || this.handler.handlerEnd) {
      this.#overUnlessAnswered();
    }
  }

  /**
   * Nothing says that nobody is going to answer a client that has left: a stream is dropped, a filter looks whether there
   * is anybody to answer to, a handler that writes the response itself gives up. So the answer is waited for as long as it
   * may still say something, and not for ever.
   */
  #overUnlessAnswered(): void {
    const { headersSent } = this.response;
    const { handlerEnd } = this.handler;
    const isAnswerComing = !headersSent && handlerEnd !== 'streams' && handlerEnd !== 'torn down';
    const grace = !isAnswerComing ? 0 : handlerEnd ? ANSWER_GRACE : HANDLER_GRACE;
    clearTimeout(this.#waitingForAnswer);
    this.#waitingForAnswer = setTimeout(() => this.#over(), grace).unref();
  }

  /** A dead response emits no event when it is ended, in case that its request was pipelined. */
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
    const onOver = this.#onOver;
    this.#onOver = undefined;
    clearTimeout(this.#waitingForAnswer);
    this.#stopWatchingConnection?.();
    onOver?.();
  }
}

const listenersKey = Symbol('BackgroundTasks.closeListeners');

type WatchedSocket = Socket & { [listenersKey]?: Set<() => void> };

/**
 * Calls the listener when the connection has closed. A client can pipeline any number of requests on one connection, so
 * all of them share one listener on it.
 *
 * @returns stops listening
 */
export function onceConnectionCloses(socket: WatchedSocket, listener: () => void): () => void {
  let listeners = socket[listenersKey];
  if (!listeners) {
    const shared = new Set<() => void>();
    socket[listenersKey] = listeners = shared;
    socket.once('close', () => shared.forEach((notify) => notify()));
  }
  listeners.add(listener);
  return () => listeners.delete(listener);
}
