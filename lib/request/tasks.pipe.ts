import { Injectable, Optional, type ExecutionContext, type PipeTransform } from '@nestjs/common';
import { ModuleImportError } from '../errors/module-import.error.ts';
import { tasksWithoutModule } from '../messages.ts';
import type { BackgroundTasks } from './background-tasks.ts';
import { RequestTasks } from './request-tasks.ts';

/** Turns what `@Tasks()` extracts into the request's tasks. A pipe, because decorators get no dependencies injected. */
@Injectable()
export class TasksPipe implements PipeTransform<() => ExecutionContext, BackgroundTasks> {
  readonly #requests: RequestTasks;

  constructor(@Optional() requests?: RequestTasks) {
    if (!requests) {
      throw new ModuleImportError(tasksWithoutModule());
    }
    this.#requests = requests;
  }

  transform(getContext: () => ExecutionContext): BackgroundTasks {
    return this.#requests.ofContext(getContext());
  }
}
