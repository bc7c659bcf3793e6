import { createParamDecorator, type ExecutionContext, Injectable, Optional, type PipeTransform } from '@nestjs/common';
import { ModuleImportError } from '../errors/module.errors.ts';
import type { BackgroundTasks } from './background-tasks.ts';
import { CollectionResolver } from './collection-resolver.ts';
import { tasksWithoutModule } from './request.messages.ts';

// A function, since global pipes see it too, before ours: those that copy objects would copy the request and its socket.
const RequestContext = createParamDecorator((_data: unknown, context: ExecutionContext) => () => context);

/**
 * This request's `BackgroundTasks` as a parameter of the handler. The controller stays a singleton, which is faster than
 * one that has `BackgroundTasks` injected and so is made anew for each request.
 *
 * @example
 * @Get()
 * list(@Tasks() tasks: BackgroundTasks) {
 *   tasks.addTask(countVisit);
 * }
 *
 * @since 0.1.0
 */
export const Tasks = (): ParameterDecorator => RequestContext(TasksPipe);

/** Turns what `@Tasks()` extracts into the request's tasks. A pipe, because decorators get no dependencies injected. */
@Injectable()
export class TasksPipe implements PipeTransform<() => ExecutionContext, BackgroundTasks> {
  readonly #requests: CollectionResolver;

  constructor(@Optional() requests?: CollectionResolver) {
    if (!requests) {
      throw new ModuleImportError(tasksWithoutModule());
    }
    this.#requests = requests;
  }

  transform(getContext: () => ExecutionContext): BackgroundTasks {
    return this.#requests.ofContext(getContext());
  }
}
