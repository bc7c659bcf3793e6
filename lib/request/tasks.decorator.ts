import { createParamDecorator, type ExecutionContext, Injectable, Optional, type PipeTransform } from '@nestjs/common';
import { ModuleImportError } from '../errors/module.errors.ts';
import { BackgroundTasksFactory } from './background-tasks.factory.ts';
import type { BackgroundTasks } from './background-tasks.ts';
import { tasksWithoutModule } from './request.messages.ts';

// Wraps the context in a function because global pipes see it before `TasksPipe` does: a pipe that copies objects would
// copy the request and its socket.
const HandlerContext = createParamDecorator((_data: unknown, context: ExecutionContext) => () => context);

/**
 * Passes this request's `BackgroundTasks` to a parameter of the handler.
 *
 * The controller stays a singleton. If it injects a request-scoped `BackgroundTasks` instead, Nest makes the controller
 * anew for each request, which is slower.
 *
 * @example
 * @Get()
 * list(@Tasks() tasks: BackgroundTasks) {
 *   tasks.addTask(countVisit);
 * }
 *
 * @since 0.1.0
 */
export const Tasks = (): ParameterDecorator => HandlerContext(TasksPipe);

/** Finds the request's tasks. It is a pipe because Nest injects dependencies into pipes, and not into decorators. */
@Injectable()
export class TasksPipe implements PipeTransform<() => ExecutionContext, BackgroundTasks> {
  readonly #factory: BackgroundTasksFactory;

  /** @throws ModuleImportError if the application doesn't import `BackgroundTasksModule` */
  constructor(@Optional() factory?: BackgroundTasksFactory) {
    if (!factory) {
      throw new ModuleImportError(tasksWithoutModule());
    }
    this.#factory = factory;
  }

  transform(getContext: () => ExecutionContext): BackgroundTasks {
    return this.#factory.forHandler(getContext());
  }
}
