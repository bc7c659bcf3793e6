// A client that gets a success can rely on the durable tasks of its request. So these are enqueued when the whole response
// is decided, by the status that the client will see, and before the first byte leaves. Filters, serializers, streams
// and handlers that write to the response themselves all come after the last hook that both platforms have: only Node's
// own response sees each of them. The gate patches that response, once its request has a durable task. While tasks have
// to be enqueued, the gate holds the calls that send something, and makes them when the queue has answered.
import { STATUS_CODES, type ServerResponse, validateHeaderName, validateHeaderValue } from 'node:http';
import type { Readable } from 'node:stream';
import { HttpException, HttpStatus, Logger } from '@nestjs/common';
import { UNAVAILABLE_BODY, UnavailableError } from '../../errors/unavailable.errors.ts';
import { stackOf } from '../../util/error-text.ts';
import { kindOf } from '../../util/inspect.ts';
import { soon } from '../../util/timers.ts';
import { answerNotSent, oddHeaders, wrongChunk } from './http.messages.ts';
import { type Inner, patch, type SendingMethod } from './response-patch.ts';
import { RETRY_AFTER } from './unavailable-answer.ts';

/** The durable tasks of one request, as its gate sees them. */
export interface GatedTasks {
  /** Whether tasks have to be enqueued before a piece of an answer with this status leaves. */
  mustFlush(status: number): boolean;
  /** Rejects if a client must not get an answer with this status, because its tasks could not be enqueued. */
  flushFor(status: number): Promise<void>;
}

interface HeldCall {
  readonly method: SendingMethod;
  readonly args: unknown[];
}

/** The headers that a refused answer keeps: browsers need them to show the 503. Others may describe the dropped answer. */
const KEPT_HEADERS = /^(?:access-control-.*|vary|connection)$/;

/**
 * Holds the answer to one request while its durable tasks are enqueued. Its states:
 *
 * - open: calls pass, until one comes while tasks have to be enqueued: it leads to holding;
 * - holding: calls are kept in their order. The response looks as if they had been made, or filters and platforms would
 *   answer a second time. When the queue has the tasks, the calls are made: open again. A queue that fails before the
 *   head has left leads to refused; after that, the calls are made, and the log and the handles tell of the failure;
 * - refused: the client has a 503, and the application's own calls are dropped.
 */
export class ResponseGate {
  #state: 'open' | 'holding' | 'refused' = 'open';
  #held: HeldCall[] = [];
  /** The status line of the held answer: the application may set another one after the calls that are held. */
  #status = 200;
  #statusMessage: string | undefined;
  #isEndHeld = false;
  /** Whether the caller of `write` waits for `drain`. */
  #isDrainExpected = false;
  /** Whether the gate is making calls: what these call in their turn has to pass. */
  #isPassing = false;
  /** The response without the patch of the gate. */
  readonly #inner: Inner;

  constructor(
    private readonly response: ServerResponse,
    private readonly tasks: GatedTasks,
  ) {
    this.#inner = patch(response, this);
  }

  /** Whether nothing of the answer has left, though the response looks as if it had. */
  get isHoldingHead(): boolean {
    return this.#state === 'holding' && !this.#isHeadSent;
  }

  /**
   * Sends an error in place of the held answer: a 503, or the error's own status where a test runs tasks inline.
   *
   * @param error `undefined` if the application closes
   * @returns false if no answer is held, or its head has left
   */
  refuse(error: unknown, { isClosing }: { isClosing: boolean }): boolean {
    if (!this.isHoldingHead) {
      return false;
    }
    const dropped = this.#held.splice(0);
    this.#state = 'refused';
    this.#destroySources();
    this.#pass(() => this.#answer(error, dropped, isClosing));
    for (const { method, args } of dropped) {
      this.#drop(method, args, error);
    }
    return true;
  }

  /** Whether the response looks as if its head had been sent. */
  get headersSent(): boolean {
    return (!this.#isPassing && this.#state !== 'open') || this.#isHeadSent;
  }

  /** Whether the response looks as if it had been ended. */
  get writableEnded(): boolean {
    return (!this.#isPassing && (this.#isEndHeld || this.#state === 'refused')) || this.#inner.isEnded;
  }

  /** The application, or a package between it and the gate, calls a method that sends. */
  call(method: SendingMethod, args: unknown[]): unknown {
    if (this.#isPassing) {
      return this.#make(method, args);
    }
    if (this.#state === 'refused') {
      return this.#drop(method, args, undefined);
    }
    if (this.#state === 'open') {
      if (method === 'flush') {
        return this.#make(method, args);
      }
      const status = toStatus(method === 'writeHead' && !this.#isHeadSent ? args[0] : this.response.statusCode);
      if (this.#inner.isEnded || !this.tasks.mustFlush(status) || !isSendable(status)) {
        return this.#make(method, args);
      }
    }
    return this.#hold(method, args);
  }

  /**
   * Node, or a package, writes the head of a response that has none.
   *
   * Node does so in the middle of a call that sends. Mostly the gate let that call pass. Otherwise a package that patches
   * `end` or `write` has added the request's first durable task there, and calls Node's own method. Then it is too late
   * to hold anything: the body would leave without its head.
   */
  implicitHead(write: () => void, isCalledByNode: () => boolean): void {
    if (this.#isPassing) {
      write();
    } else if (isCalledByNode()) {
      this.#whilePassing(write);
    } else if (this.#state === 'open') {
      write();
    }
  }

  #hold(method: SendingMethod, args: unknown[]): unknown {
    const { response } = this;
    assertChunk(method, args);
    if (method === 'writeHead') {
      this.assertHeadIsOpen();
      args = copyOfHead(args);
      response.statusCode = toStatus(args[0]);
    } else if (this.#state === 'open' && !this.#isHeadSent && !this.#isHttp2) {
      assertMessage(response.statusMessage);
    }
    this.#held.push({ method, args });
    this.#isEndHeld ||= method === 'end';
    this.#isDrainExpected ||= method === 'write';
    if (this.#state === 'open') {
      this.#state = 'holding';
      this.#status = toStatus(response.statusCode);
      // HTTP/2 has no message, and warns of one.
      this.#statusMessage = this.#isHttp2 ? undefined : response.statusMessage;
      this.#flush();
    }
    return method === 'write' ? false : method === 'end' || method === 'writeHead' ? response : undefined;
  }

  #flush(): void {
    this.tasks.flushFor(this.#status).then(
      () => this.#flushed(),
      (error: unknown) => this.refuse(error, { isClosing: false }) || this.#flushed(),
    );
  }

  #flushed(): void {
    if (this.#state !== 'holding') {
      return;
    }
    if (this.tasks.mustFlush(this.#status)) {
      // They were added in the meantime.
      this.#flush();
      return;
    }
    this.#release();
  }

  #release(): void {
    const { response } = this;
    const held = this.#held.splice(0);
    const isDrainExpected = this.#isDrainExpected && !this.#isEndHeld;
    if (!this.#isHeadSent) {
      response.statusCode = this.#status;
      if (!this.#isHttp2) {
        response.statusMessage = this.#statusMessage as string;
      }
    }
    this.#state = 'open';
    this.#isEndHeld = false;
    this.#isDrainExpected = false;
    let isFull = false;
    this.#pass(() => {
      for (const { method, args } of held) {
        // A package may have sent another head in the meantime, by a method of Node that it took before.
        if (method !== 'writeHead' || !this.#isHeadSent) {
          isFull = this.#make(method, args) === false;
        }
      }
    });
    // A response that is full emits it by itself.
    if (isDrainExpected && !isFull) {
      response.emit('drain');
    }
  }

  #pass(send: () => void): void {
    try {
      this.#whilePassing(send);
    } catch (error) {
      // The application could have caught it and answered something else. By now nobody is there to catch it.
      new Logger('BackgroundTasks').error(answerNotSent(), stackOf(error));
      this.response.destroy();
    }
  }

  #make(method: SendingMethod, args: unknown[]): unknown {
    return this.#whilePassing(() => this.#inner.call(method, args));
  }

  #whilePassing<T>(send: () => T): T {
    const wasPassing = this.#isPassing;
    this.#isPassing = true;
    try {
      return send();
    } finally {
      this.#isPassing = wasPassing;
    }
  }

  get #isHeadSent(): boolean {
    return this.#inner.isHeadSent;
  }

  get #isHttp2(): boolean {
    return this.response.req.httpVersionMajor >= 2;
  }

  /** Destroys the streams that are piped into the refused answer, if nothing else reads them: files would stay open. */
  #destroySources(): void {
    const { response } = this;
    response.on('unpipe', (source: Readable) =>
      soon(() => {
        // Node reads the rest of the request.
        if (source !== response.req && source.listenerCount('data') + source.listenerCount('readable') === 0) {
          source.destroy();
        }
      }),
    );
  }

  #answer(error: unknown, dropped: readonly HeldCall[], isClosing: boolean): void {
    const { response } = this;
    for (const name of response.getHeaderNames()) {
      if (!KEPT_HEADERS.test(name)) {
        response.removeHeader(name);
      }
    }
    // Fastify gives all headers to `writeHead`.
    const head = dropped.find(({ method }) => method === 'writeHead');
    for (const [name, value] of head ? headersIn(head.args) : []) {
      if (KEPT_HEADERS.test(name.toLowerCase())) {
        response.setHeader(name, value);
      }
    }
    const [status, content] = answerFor(error);
    const body = Buffer.from(JSON.stringify(content));
    const isHttp2 = this.#isHttp2;
    response.setHeader('Content-Type', 'application/json; charset=utf-8');
    response.setHeader('Content-Length', body.length);
    if (error === undefined || error instanceof UnavailableError) {
      response.setHeader('Retry-After', RETRY_AFTER);
    }
    if (isClosing && !isHttp2) {
      response.setHeader('Connection', 'close');
    }
    response.statusCode = status;
    // HTTP/2 has no message, and warns of one.
    this.#make('writeHead', isHttp2 ? [status] : [status, STATUS_CODES[status]]);
    this.#make('end', [body]);
  }

  /** A call of the application whose answer was refused. Its callbacks are called nevertheless. */
  #drop(method: SendingMethod, args: unknown[], error: unknown): unknown {
    const { response } = this;
    const callback = args.find((arg) => typeof arg === 'function') as ((error?: unknown) => void) | undefined;
    if (method === 'write') {
      if (callback) {
        soon(() => callback(error));
      }
      // What pipes into the response stops, and `finish` detaches it.
      return false;
    }
    if (method === 'end' && callback) {
      if (response.writableFinished) {
        soon(callback);
      } else {
        response.once('finish', callback);
      }
    }
    return method === 'end' || method === 'writeHead' ? response : undefined;
  }

  /** @throws Error as Node does when the head has been sent */
  assertHeadIsOpen(): void {
    if (this.#state !== 'open' && !this.#isPassing && !this.#isHeadSent) {
      const error = new Error('Cannot set headers after they are sent to the client');
      throw Object.assign(error, { code: 'ERR_HTTP_HEADERS_SENT' });
    }
  }
}

/** What Nest answers for an error. One that is no `HttpException` comes from a task that a test runs inline. */
function answerFor(error: unknown): [status: number, body: unknown] {
  if (error === undefined) {
    return [HttpStatus.SERVICE_UNAVAILABLE, UNAVAILABLE_BODY];
  }
  if (error instanceof HttpException) {
    const body = error.getResponse();
    return [error.getStatus(), typeof body === 'string' ? { statusCode: error.getStatus(), message: body } : body];
  }
  return [HttpStatus.INTERNAL_SERVER_ERROR, { statusCode: 500, message: 'Internal server error' }];
}

/** Converts a status as Node does: the application may have set text. */
function toStatus(status: unknown): number {
  return Math.trunc(Number(status));
}

/** Whether Node can send such a status. For others it throws, and the caller has to get that error. */
function isSendable(status: number): boolean {
  return status >= 100 && status <= 999;
}

/** @throws TypeError as Node does: later, the caller couldn't catch it any more */
function assertChunk(method: SendingMethod, [chunk, encoding]: readonly unknown[]): void {
  const isNone = method === 'end' && (!chunk || typeof chunk === 'function');
  if ((method !== 'write' && method !== 'end') || isNone || chunk instanceof Uint8Array) {
    return;
  }
  if (typeof chunk !== 'string') {
    throw Object.assign(new TypeError(wrongChunk(kindOf(chunk))), { code: 'ERR_INVALID_ARG_TYPE' });
  }
  if (typeof encoding === 'string' && encoding !== 'buffer' && !Buffer.isEncoding(encoding)) {
    throw Object.assign(new TypeError(`Unknown encoding: ${encoding}`), { code: 'ERR_UNKNOWN_ENCODING' });
  }
}

/** @throws TypeError as Node does */
function assertMessage(message: string | undefined): void {
  if (message) {
    validateHeaderValue('statusMessage', message);
  }
}

/**
 * Copies the arguments of `writeHead`: the caller may change its headers later.
 *
 * @throws Error as Node does, if the message or a header is not valid
 */
function copyOfHead(args: readonly unknown[]): unknown[] {
  assertMessage(typeof args[1] === 'string' ? args[1] : undefined);
  for (const [name, value] of headersIn(args)) {
    validateHeaderName(name);
    validateHeaderValue(name, value as string);
  }
  return args.map((arg) => {
    if (typeof arg !== 'object' || arg === null) {
      return arg;
    }
    return Array.isArray(arg) ? [...(arg as unknown[])] : { ...arg };
  });
}

/**
 * The headers among the arguments of `writeHead`: an object, a list of pairs, or a list of names and values in turn.
 *
 * @throws TypeError as Node does, if a list has a name without a value
 */
function headersIn(args: readonly unknown[]): [string, string | readonly string[]][] {
  const headers = args.find((arg) => typeof arg === 'object' && arg !== null);
  if (!Array.isArray(headers)) {
    return Object.entries((headers ?? {}) as Record<string, string>);
  }
  const list = (headers as unknown[]).flat() as string[];
  if (list.length % 2 !== 0) {
    const error = new TypeError(oddHeaders());
    throw Object.assign(error, { code: 'ERR_INVALID_ARG_VALUE' });
  }
  return Array.from({ length: list.length / 2 }, (_, i) => [list[2 * i]!, list[2 * i + 1]!]);
}
