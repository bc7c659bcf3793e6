import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { BackgroundTasks } from 'nestjs-background-tasks';
import { Analytics } from './analytics.service.ts';

@Injectable()
export class AnalyticsInterceptor implements NestInterceptor {
  constructor(
    private readonly tasks: BackgroundTasks,
    private readonly analytics: Analytics,
  ) {}

  // #region analytics
  intercept(context: ExecutionContext, next: CallHandler) {
    const { method, route } = context.switchToHttp().getRequest<{ method: string; route: { path: string } }>();
    if (route.path.startsWith('/background-tasks')) {
      return next.handle(); // the dashboard's own requests are no visits
    }
    this.tasks
      // Parallel: it waits for no other task of the request, and its failure skips none.
      .with({ runOn: 'always', execution: 'parallel' })
      .addTask(this.analytics, 'count', `${method} ${route.path}`, performance.now());
    return next.handle();
  }
  // #endregion
}
