// Tells the collection of a request what only an interceptor sees: when its handler starts, and how it ends.
// HTTP: the response decides when tasks start. The handler matters for clients that leave, and for shutdown.
// GraphQL: the status does not show errors, so the interceptor watches whether a resolver throws.
// Messages (microservices, WebSockets): there is no response to watch, so tasks start when the handler ends.
// Messages also hold back their values and errors until the durable tasks that the handler added are in their queue:
// no later hook of this package sees a message. For HTTP, `ResponseGate` holds the response.
import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { finalize, Observable, tap } from 'rxjs';
import { TaskQueueHost } from '../durable/task-queue-host.ts';
import { hasOwnRoutes } from '../util/own-routes.ts';
import { CollectionResolver } from './collection-resolver.ts';
import { HandlerWatch } from './handler-watch.ts';
import { holdUntilFlushed } from './hold-until-flushed.ts';
import type { HttpCollection } from './http-collection.ts';
import { InFlightRequests } from './http/in-flight-requests.ts';
import { RequestContext } from './request-context.ts';
import { untilAnswered } from './until-answered.ts';

/**
 * Starts the tasks of messages, and enqueues their durable tasks before the reply leaves.
 *
 * If an application needs it, the module registers it for the whole application. On Nest 11 that doesn't reach
 * WebSocket gateways: decorate each gateway with it.
 *
 * @example
 * @UseInterceptors(BackgroundTasksInterceptor)
 * @WebSocketGateway()
 * export class ChatGateway {}
 *
 * @since 0.1.0
 */
@Injectable()
export class BackgroundTasksInterceptor implements NestInterceptor {
  constructor(
    private readonly collections: CollectionResolver,
    private readonly context: RequestContext,
    private readonly inFlight: InFlightRequests,
    private readonly queues: TaskQueueHost,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (hasOwnRoutes(context.getClass())) {
      return next.handle();
    }
    const type = context.getType<string>();
    if (type !== 'http' && type !== 'graphql') {
      return this.#interceptMessage(context, next);
    }
    const collection = this.collections.ofContext(context);
    if (!collection) {
      return next.handle();
    }
    const observe = (): Observable<unknown> =>
      type === 'http'
        ? this.#interceptHttp(collection, next, hasEvents(context))
        : this.#interceptResolver(collection, next);
    return collection.isLate ? this.#observeLate(collection, observe) : observe();
  }

  #observeLate(collection: HttpCollection, observe: () => Observable<unknown>): Observable<unknown> {
    return new Observable((subscriber) => this.context.runLate(collection, () => observe().subscribe(subscriber)));
  }

  #interceptHttp(collection: HttpCollection, next: CallHandler, isSse: boolean): Observable<unknown> {
    const handler = next.handle();
    return new Observable((subscriber) => {
      const watch = new HandlerWatch(subscriber, collection, this.inFlight, isSse);
      watch.follow(handler);
      return watch;
    });
  }

  #interceptResolver(collection: HttpCollection, next: CallHandler): Observable<unknown> {
    return next
      .handle()
      .pipe(tap({ subscribe: () => collection.resolverIsEntered(), error: () => collection.resolverHasThrown() }));
  }

  /** Enters the message's async context when Nest subscribes: that call runs the handler. */
  #interceptMessage(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return new Observable((subscriber) => {
      const collection = this.collections.ofInterceptedMessage(context);
      collection.handlerIsEntered();
      return this.context.run(collection, () => {
        let outcome: 'success' | 'failure' = 'success';
        const handled = next.handle();
        return (this.queues.current ? handled.pipe(holdUntilFlushed(collection)) : handled)
          .pipe(
            tap({ error: () => (outcome = 'failure') }),
            finalize(() => collection.handlerIsDone(outcome)),
            untilAnswered(),
          )
          .subscribe(subscriber);
      });
    });
  }
}

/** By handler, whether it sends events. To look up its metadata for each request costs 0.2 µs. */
const sendsEvents = new WeakMap<object, boolean>();

/** Whether Nest's `@Sse` decorates the handler. */
function hasEvents(context: ExecutionContext): boolean {
  const handler = context.getHandler();
  let hasThem = sendsEvents.get(handler);
  if (hasThem === undefined) {
    sendsEvents.set(handler, (hasThem = Reflect.hasMetadata('__sse__', handler)));
  }
  return hasThem;
}
