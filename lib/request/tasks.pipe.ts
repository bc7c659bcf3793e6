import { Injectable, type ExecutionContext, type PipeTransform } from '@nestjs/common';
import type { BackgroundTasks } from './background-tasks.ts';
import { RequestTasks } from './request-tasks.ts';

/** Turns what `@Tasks()` extracts into the request's tasks. A pipe, because decorators get no dependencies injected. */
@Injectable()
export class TasksPipe implements PipeTransform<ExecutionContext, BackgroundTasks> {
  constructor(private readonly requests: RequestTasks) {}

  transform(context: ExecutionContext): BackgroundTasks {
    return this.requests.of(context.switchToHttp().getRequest());
  }
}
