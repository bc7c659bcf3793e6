import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
  StreamableFile,
} from '@nestjs/common';
import { finalize, type MonoTypeOperatorFunction, Observable, Subscription, tap } from 'rxjs';
import { TaskQueueHost } from '../durable/task-queue-host.ts';
import { TaskEngine } from '../engine/task-engine.ts';
import { CollectionResolver } from './collection-resolver.ts';
import { holdUntilStored } from './hold-until-stored.ts';
import type { HttpCollection } from './http-collection.ts';
import { InFlightRequests } from './http/in-flight-requests.ts';
import type { HandlerEnd } from './http/response-watcher.ts';
import type { MessageCollection } from './message-collection.ts';

/**
 * Sees to it that a request's tasks start once its response is over. The module registers it for the whole application,
 * which on Nest 11 doesn't reach WebSocket gateways: there, `@UseInterceptors(BackgroundTasksInterceptor)`.
 *
 * @since 0.1.0
 */
@Injectable()
export class BackgroundTasksInterceptor implements NestInterceptor {
  constructor(
    private readonly requests: CollectionResolver,
    private readonly inFlight: InFlightRequests,
    private readonly engine: TaskEngine,
    private readonly queues: TaskQueueHost,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const type = context.getType<string>();
    if (type !== 'http' && type !== 'graphql') {
      return this.#interceptMessage(context, next);
    }
    const state = this.requests.stateOf(context);
    if (!state) {
      return next.handle();
    }
    const observe = (): Observable<unknown> =>
      type === 'http'
        ? this.#interceptHttp(state, this.#storing(state, next))
        : this.#storing(state, next)
            .handle()
            .pipe(tap({ subscribe: () => state.resolverIsEntered(), error: () => state.resolverHasThrown() }));
    return state.isLate ? this.#observeLate(state, observe) : observe();
  }

  #storing(state: HttpCollection | MessageCollection, next: CallHandler): CallHandler {
    return this.queues.current ? { handle: () => next.handle().pipe(holdUntilStored(state)) } : next;
  }

  /** So that it adds no tasks by way of the `TaskRunner` either. */
  #observeLate(state: HttpCollection, observe: () => Observable<unknown>): Observable<unknown> {
    return new Observable((subscriber) =>
      this.engine.runLate(
        () => state.isTooLate(),
        () => observe().subscribe(subscriber),
      ),
    );
  }

  #interceptHttp(state: HttpCollection, next: CallHandler): Observable<unknown> {
    const { inFlight } = this;
    let how: HandlerEnd = 'returned';
    let isAtWork = false;
    const isDone = () => {
      if (isAtWork) {
        isAtWork = false;
        inFlight.left();
      }
    };
    return next.handle().pipe(
      tap({
        subscribe: () => {
          how = 'returned';
          isAtWork = inFlight.entered();
          state.handlerIsEntered();
        },
        next: (value) => {
          // What is sent piece by piece may go on for ever.
          isDone();
          if (isStream(value)) {
            how = 'streams';
          }
        },
        error: () => (how = 'thrown'),
        unsubscribe: () => (how = 'torn down'),
        finalize: () => {
          isDone();
          state.handlerIsDone(how);
        },
      }),
    );
  }

  /** The handler is called when what it returns is subscribed to: both are to be in the message's async context. */
  #interceptMessage(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return new Observable((subscriber) =>
      this.requests.runWithMessage(context, (state) => {
        let outcome: 'success' | 'failure' = 'success';
        return this.#storing(state, next)
          .handle()
          .pipe(
            tap({ error: () => (outcome = 'failure') }),
            finalize(() => state.handlerIsDone(outcome)),
            untilAnswered(),
          )
          .subscribe(subscriber);
      }),
    );
  }
}

/** Goes on when nobody listens any more, because the client has left, until there is an answer: the handler does so too. */
function untilAnswered<T>(): MonoTypeOperatorFunction<T> {
  return (source) =>
    new Observable((subscriber) => {
      let isAnswered = false;
      const handler = new Subscription();
      handler.add(
        source.subscribe({
          next: (value) => {
            isAnswered = true;
            subscriber.next(value);
            if (subscriber.closed) {
              handler.unsubscribe();
            }
          },
          error: (error) => subscriber.error(error),
          complete: () => subscriber.complete(),
        }),
      );
      return () => {
        if (isAnswered) {
          handler.unsubscribe();
        }
      };
    });
}

/** What Nest sends piece by piece, and drops once its client has left. */
function isStream(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    (value instanceof StreamableFile || Symbol.asyncIterator in value || value instanceof Response)
  );
}
