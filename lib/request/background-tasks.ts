import type { Flow } from '../task/call/flow.ts';
import { readTaskCall } from '../task/call/read-task-call.ts';
import { checkTaskOptions, NO_OPTIONS, type TaskOptions } from '../task/definition/task-options.ts';
import type { BackgroundTask } from '../task/handle/background-task.ts';
import type {
  AnyFunction,
  ArgumentsOf,
  MethodName,
  ProviderClass,
  TaskResult,
  TaskTarget,
} from '../task/model/signatures.ts';
import type { TaskCollection } from './task-collection.ts';

/**
 * The background tasks of one request: whoever takes part in it (guards, pipes, interceptors, services, the handler) adds
 * to the same ones, and they run in that order once the response is over. Injectable; request-scoped.
 *
 * @example
 * constructor(private readonly tasks: BackgroundTasks) {}
 *
 * @Post('send-notification/:email')
 * send(@Param('email') email: string) {
 *   this.tasks.addTask(writeNotification, email, 'some notification');
 *   return { message: 'Notification sent in the background' };
 * }
 *
 * @since 0.1.0
 */
export class BackgroundTasks {
  readonly #source: TaskCollection;
  readonly #options: TaskOptions;

  /** @internal made for each request */
  constructor(source: TaskCollection, options: TaskOptions = NO_OPTIONS) {
    this.#source = source;
    this.#options = options;
  }

  /**
   * Adds a function with its arguments, or an object with the name of one of its methods, which keeps its `this`, or
   * the class of a provider with the name of a method, for which Nest is asked when the task runs. It runs after the response, in the async context of this call. What it returns is awaited: a promise, any thenable, an
   * Observable. Added when the response is over, or where there is no request, it starts at once.
   *
   * @returns the task's handle; a task that fails is logged, and never an unhandled rejection
   * @throws TaskArgumentError if there is nothing to call, or an argument can't be cloned for a thread
   * @throws TooManyTasksError, ShuttingDownError which answer the request with a 503 if nobody catches them
   *
   * @example
   * tasks.addTask(writeNotification, email, 'some notification');
   * tasks.addTask(this.mailer, 'sendWelcome', email);
   * tasks.addTask(() => this.ownMethod(email)); // TypeScript can't look into the type of `this`
   */
  addTask<T extends object, K extends MethodName<T>>(
    target: TaskTarget<T>,
    method: K,
    ...args: ArgumentsOf<T[K]>
  ): BackgroundTask<TaskResult<T[K]>>;
  addTask<T extends object, K extends MethodName<T>>(
    provider: ProviderClass<T>,
    method: K,
    ...args: ArgumentsOf<T[K]>
  ): BackgroundTask<TaskResult<T[K]>>;
  addTask<F extends AnyFunction>(fn: F, ...args: Parameters<F>): BackgroundTask<TaskResult<F>>;
  addTask<R>(flow: Flow<R>): BackgroundTask<R>;
  addTask(...task: unknown[]): BackgroundTask {
    return this.#source.add(readTaskCall('addTask', task), this.#options);
  }

  /**
   * The same tasks, with options for those that are added through what is returned.
   *
   * @throws InvalidOptionError
   *
   * @example
   * tasks.with({ runOn: 'always' }).addTask(this.audit, 'record', request.url);
   */
  with(options: TaskOptions): BackgroundTasks {
    return new BackgroundTasks(this.#source, { ...this.#options, ...checkTaskOptions('with', options) });
  }

  /**
   * Stores the tasks for queues that were added so far, all or none: for a handler that writes the response itself. For
   * others it is done before their response is released.
   *
   * @throws TaskQueueError
   */
  flush(): Promise<void> {
    return this.#source.store('success');
  }

  /**
   * What was added for this request, in that order, by whomever. Of very many, those that have come to their end are let
   * go of.
   */
  get tasks(): readonly BackgroundTask[] {
    return this.#source.current?.tasks ?? [];
  }
}
