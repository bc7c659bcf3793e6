import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import type { Request } from 'express';
import { BackgroundTasks } from 'nestjs-background-tasks';
import { tap } from 'rxjs';

@Injectable()
export class Analytics {
  readonly saved: { endpoint: string; durationMs: number }[] = [];

  async save(endpoint: string, durationMs: number) {
    this.saved.push({ endpoint, durationMs }); // or a database
  }
}

@Injectable()
export class AnalyticsInterceptor implements NestInterceptor {
  constructor(
    private readonly tasks: BackgroundTasks,
    private readonly analytics: Analytics,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler) {
    const start = performance.now();
    const { path } = context.switchToHttp().getRequest<Request>();
    return next
      .handle()
      .pipe(tap(() => void this.tasks.addTask(this.analytics, 'save', path, performance.now() - start)));
  }
}
