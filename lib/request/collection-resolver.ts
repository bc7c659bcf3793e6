import type { ServerResponse } from 'node:http';
import { type ExecutionContext, Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { TaskEngine } from '../engine/task-engine.ts';
import { HttpCollection } from './http-collection.ts';
import { InFlightRequests } from './http/in-flight-requests.ts';
import { type RawRequest, rawRequestOf, requestIn } from './http/raw-request.ts';
import { MessageCollection } from './message-collection.ts';
import { OutsideCollection } from './outside-collection.ts';

/** Finds the one collection of each request and of each message, and makes it when it is first asked for. */
@Injectable()
export class CollectionResolver implements OnModuleInit {
  // Each application has its own symbols: a request can pass through two applications in one process, and has a
  // collection in each. They are properties of the request because a WeakMap entry costs more than all the rest
  // together.
  readonly #collectionKey = Symbol('BackgroundTasks.collection');
  /** Where a raw request of Fastify holds its response. On Express that is `res`. */
  readonly #responseKey = Symbol('BackgroundTasks.response');
  /** Whether the interceptor runs for messages: in a hybrid application only once it has run for one. */
  #areMessagesIntercepted = true;

  constructor(
    private readonly engine: TaskEngine,
    private readonly inFlight: InFlightRequests,
    private readonly adapterHost: HttpAdapterHost,
  ) {}

  onModuleInit(): void {
    // By default, a hybrid application has no global interceptors for its messages.
    this.#areMessagesIntercepted = !this.adapterHost.httpAdapter;
  }

  /** Remembers the response of a raw request that doesn't hold it. */
  link(request: RawRequest, response: ServerResponse): void {
    if (!this.find(request)) {
      request[this.#responseKey] = response;
    }
  }

  find(request: RawRequest): HttpCollection | undefined {
    return request[this.#collectionKey] as HttpCollection | undefined;
  }

  create(request: RawRequest, response: ServerResponse): HttpCollection {
    const collection = new HttpCollection(this.engine, this.inFlight.openResponses, request, response);
    request[this.#collectionKey] = collection;
    if (request[this.#responseKey]) {
      request[this.#responseKey] = undefined;
    }
    return collection;
  }

  /**
   * @param request what Nest gives for the token `REQUEST`
   * @returns `undefined` if it is no HTTP request; for GraphQL, the collection of its HTTP request
   */
  ofRequest(request: unknown): HttpCollection | undefined {
    const raw = rawRequestOf(request);
    const response = raw && (raw.res ?? (raw[this.#responseKey] as ServerResponse | undefined));
    return (raw && this.find(raw)) ?? (response && this.create(raw, response));
  }

  /** Does the same as `ofRequest` for a guard, an interceptor or a handler. */
  ofContext(context: ExecutionContext): HttpCollection | undefined {
    return this.ofRequest(requestIn(context));
  }

  /**
   * Finds the collection of a message to a microservice before its handler is entered.
   *
   * @param request what Nest gives for the token `REQUEST`
   * @returns `undefined` if it is no such message
   */
  ofMessage(request: unknown): MessageCollection | undefined {
    const { getContext } = (request ?? {}) as { getContext?: () => unknown };
    return typeof getContext === 'function' ? this.#ofMessageContext(getContext.call(request)) : undefined;
  }

  /** Finds the collection of a message that the interceptor has just got. */
  ofInterceptedMessage(context: ExecutionContext): MessageCollection {
    this.#areMessagesIntercepted = true;
    return context.getType() === 'rpc'
      ? this.#ofMessageContext(context.switchToRpc().getContext())
      : this.#createForMessage();
  }

  /** Makes a collection for tasks that belong to no request. */
  outside(): OutsideCollection {
    return new OutsideCollection(this.engine);
  }

  /** @param carrier the context object that Nest makes for each message */
  #ofMessageContext(carrier: unknown): MessageCollection {
    if (typeof carrier !== 'object' || carrier === null) {
      return this.#createForMessage();
    }
    return ((carrier as Record<symbol, MessageCollection>)[this.#collectionKey] ??= this.#createForMessage());
  }

  #createForMessage(): MessageCollection {
    return new MessageCollection(this.engine, this.#areMessagesIntercepted);
  }
}
