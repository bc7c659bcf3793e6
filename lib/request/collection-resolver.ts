import { AsyncLocalStorage } from 'node:async_hooks';
import type { ServerResponse } from 'node:http';
import { type ExecutionContext, Inject, Injectable, type OnModuleInit, Scope } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { TaskEngine } from '../engine/task-engine.ts';
import { TASKS_SCOPE } from '../options/background-tasks.options.ts';
import { BackgroundTasks } from './background-tasks.ts';
import { HttpCollection } from './http-collection.ts';
import { receiveWithin } from './http/body-context.ts';
import { InFlightRequests } from './http/in-flight-requests.ts';
import { PlatformHook } from './http/platform-hook.ts';
import { isGraphQlContext, type RawRequest, rawRequestOf, requestIn } from './http/raw-request.ts';
import { MessageCollection } from './message-collection.ts';
import type { TaskCollection } from './task-collection.ts';

/** Finds the one collection of each request, from whichever side it is asked for. */
@Injectable()
export class CollectionResolver implements OnModuleInit {
  // Symbols of this application's own, so that two in one process can't meet on a request that passes through both. On the
  // request, because a WeakMap entry costs more than all the rest together.
  readonly #stateKey = Symbol('BackgroundTasks.state');
  /** Where a request of Fastify has the response that belongs to it; Express has it in `res`. */
  readonly #responseKey = Symbol('BackgroundTasks.response');
  readonly #current = new AsyncLocalStorage<HttpCollection | MessageCollection>();
  readonly #entry: PlatformHook;
  /** Unless they are those of a hybrid application, where that is to be seen: by default they aren't. */
  #areMessagesIntercepted = true;

  constructor(
    private readonly engine: TaskEngine,
    private readonly inFlight: InFlightRequests,
    @Inject(TASKS_SCOPE) scope: Scope,
    private readonly adapterHost: HttpAdapterHost,
  ) {
    this.#entry =
      scope === Scope.DEFAULT
        ? new PlatformHook(adapterHost, ['express', 'fastify'], {
            run: (request, response, next) => this.#runWith(this.#enter(request, response), next),
            enter: (request, response) => this.#current.enterWith(this.#enter(request, response)),
          })
        : new PlatformHook(adapterHost, ['fastify'], {
            run: (request, response, next) => {
              this.#link(request, response);
              next();
            },
            enter: (request, response) => this.#link(request, response),
          });
  }

  /** @throws UnsupportedPlatformError */
  onModuleInit(): void {
    this.#entry.watchServer();
    this.#areMessagesIntercepted = !this.adapterHost.httpAdapter;
  }

  /** The tasks of whichever request it is in whose async context they are used. */
  get ofCurrent(): BackgroundTasks {
    return this.#dynamic(() => this.#current.getStore() ?? this.#outside());
  }

  /** @param request what Nest gives for the token `REQUEST`, wherever the request came from */
  of(request: unknown): BackgroundTasks {
    const state = this.#httpStateOf(request);
    if (state) {
      if (isGraphQlContext(request)) {
        state.isGraphQl = true;
      }
      return state.tasks;
    }
    // What is no HTTP request may live for longer than one message: a WebSocket for as long as its connection.
    return this.#dynamic(() => this.#current.getStore() ?? this.#messageStateOf(request) ?? this.#outside());
  }

  ofContext(context: ExecutionContext): BackgroundTasks {
    return this.of(requestIn(context));
  }

  /** Of an HTTP request, also one of GraphQL. */
  stateOf(context: ExecutionContext): HttpCollection | undefined {
    return this.#httpStateOf(requestIn(context));
  }

  /** Calls a function for a message that is no HTTP request, in an async context of its own. */
  runWithMessage<T>(context: ExecutionContext, fn: (state: MessageCollection) => T): T {
    this.#areMessagesIntercepted = true;
    const state =
      context.getType() === 'rpc' ? this.#messageStateIn(context.switchToRpc().getContext()) : this.#message();
    state.handlerIsEntered();
    return this.#runWith(state, () => fn(state));
  }

  #run<T>(state: HttpCollection | MessageCollection, fn: () => T): T {
    return this.#current.getStore() === state ? fn() : this.#current.run(state, fn);
  }

  #runWith<T>(state: HttpCollection | MessageCollection, next: () => T): T {
    return this.#run(state, state.isLate ? () => this.engine.runLate(() => state.isTooLate(), next) : next);
  }

  #enter(request: RawRequest, response: ServerResponse): HttpCollection {
    const entered = request[this.#stateKey] as HttpCollection | undefined;
    if (entered) {
      return entered;
    }
    const state = this.#http(request, response);
    receiveWithin(request, (emit) => this.#runWith(state, emit));
    return state;
  }

  #link(request: RawRequest, response: ServerResponse): void {
    request[this.#responseKey] = response;
  }

  #http(request: RawRequest, response: ServerResponse): HttpCollection {
    const state = new HttpCollection(this.engine, this.inFlight.openResponses, request, response);
    request[this.#stateKey] = state;
    return state;
  }

  /** Where tasks have nothing to do with each other. */
  #outside(): MessageCollection {
    return new MessageCollection(this.engine, false);
  }

  #message(): MessageCollection {
    return new MessageCollection(this.engine, this.#areMessagesIntercepted);
  }

  #httpStateOf(request: unknown): HttpCollection | undefined {
    const raw = rawRequestOf(request);
    const response = raw && (raw.res ?? (raw[this.#responseKey] as ServerResponse | undefined));
    return (raw?.[this.#stateKey] as HttpCollection | undefined) ?? (response && this.#http(raw, response));
  }

  /** Of a message to a microservice, before its handler is entered. */
  #messageStateOf(request: unknown): MessageCollection | undefined {
    const { getContext } = (request ?? {}) as { getContext?: () => unknown };
    return typeof getContext === 'function' ? this.#messageStateIn(getContext.call(request)) : undefined;
  }

  /** @param carrier what Nest makes for each message */
  #messageStateIn(carrier: unknown): MessageCollection {
    if (typeof carrier !== 'object' || carrier === null) {
      return this.#message();
    }
    return ((carrier as Record<symbol, MessageCollection>)[this.#stateKey] ??= this.#message());
  }

  #dynamic(find: () => TaskCollection): BackgroundTasks {
    return new BackgroundTasks({
      get current() {
        return find().current;
      },
      add: (call, options) => find().add(call, options),
      store: (outcome) => find().store(outcome),
    });
  }
}
