import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from '@nestjs/common';
import { catchError, concat, defer, ignoreElements, type Observable, throwError } from 'rxjs';
import { TASK_CONTROL } from '../execution/task-control.ts';
import type { AddedByHandler, TestControl } from './test-control.ts';

/**
 * In the mode `inline`, an answer waits for the tasks that its handler has started by `TaskRunner`. The tasks of its request
 * run after all interceptors.
 */
@Injectable()
export class InlineInterceptor implements NestInterceptor {
  constructor(@Inject(TASK_CONTROL) private readonly control: TestControl) {}

  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const added: AddedByHandler[] = [];
    const settled = defer(() => settle(added)).pipe(ignoreElements());
    const failed = (error: unknown) =>
      concat(
        settled,
        throwError(() => error),
      );
    return concat(this.control.noteAdded(added, () => next.handle()).pipe(catchError(failed)), settled);
  }
}

/** Waits for the tasks that can start before the response, also for those that they start. */
async function settle(added: readonly AddedByHandler[]): Promise<void> {
  for (let i = 0; i < added.length; i++) {
    const { task, isOpen } = added[i]!;
    // A task that the handler enqueued in a transaction runs before the response too.
    if (isOpen || task.isEnqueued) {
      await task.settled();
    }
  }
}
