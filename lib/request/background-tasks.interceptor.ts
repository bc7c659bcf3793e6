import type { ServerResponse } from 'node:http';
import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { tap, type Observable } from 'rxjs';
import { RequestTasks } from './request-tasks.ts';

/**
 * Sees to it that a request's tasks start once its response is over. The module registers it for the whole application.
 *
 * @since 0.1.0
 */
@Injectable()
export class BackgroundTasksInterceptor implements NestInterceptor {
  constructor(private readonly requests: RequestTasks) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() !== 'http') {
      return next.handle();
    }
    const end = this.requests.endOf(context.switchToHttp().getResponse<ServerResponse>());
    let hasThrown = false;
    return next.handle().pipe(
      tap({
        error: () => (hasThrown = true),
        finalize: () => end.handlerIsDone(hasThrown),
      }),
    );
  }
}
