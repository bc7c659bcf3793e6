import type { ServerResponse } from 'node:http';
import {
  Injectable,
  StreamableFile,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { tap, type Observable } from 'rxjs';
import { InFlightRequests } from './in-flight-requests.ts';
import { RequestTasks } from './request-tasks.ts';
import type { HandlerEnd } from './response-end.ts';

/**
 * Sees to it that a request's tasks start once its response is over. The module registers it for the whole application.
 *
 * @since 0.1.0
 */
@Injectable()
export class BackgroundTasksInterceptor implements NestInterceptor {
  constructor(
    private readonly requests: RequestTasks,
    private readonly inFlight: InFlightRequests,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() !== 'http') {
      return next.handle();
    }
    const { inFlight } = this;
    const end = this.requests.endOf(context.switchToHttp().getResponse<ServerResponse>());
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
          end.handlerIsEntered();
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
          end.handlerIsDone(how);
        },
      }),
    );
  }
}

/** What Nest sends piece by piece, and drops once its client has left. */
function isStream(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    (value instanceof StreamableFile || Symbol.asyncIterator in value || value instanceof Response)
  );
}
