import { checkTransaction, type Transaction } from '../durable/transaction.ts';
import type {
  FunctionArguments,
  FunctionOr,
  FunctionResult,
  Method,
  MethodArguments,
  MethodOf,
  Target,
  TaskFunction,
} from '../task/call/call-types.ts';
import type { Flow } from '../task/call/flow.ts';
import { readTaskCall } from '../task/call/read-task-call.ts';
import { checkTaskOptions, NO_OPTIONS, type TaskOptions } from '../task/definition/task-options.ts';
import type { BackgroundTask } from '../task/handle/background-task.ts';
import type { AnyFunction, TaskResult } from '../task/model/signatures.ts';
import type { TaskCollection } from './task-collection.ts';

/**
 * Holds the options of `BackgroundTasks.flush`.
 *
 * @since 0.1.0
 */
export interface FlushOptions {
  /**
   * Puts the tasks into this transaction, which is on the Postgres of the queue.
   *
   * `pgClient`, `typeOrm` and others of `/bullmq` make one.
   */
  readonly transaction?: Transaction;
}

/**
 * Collects the background tasks of one request, and runs them after its response.
 *
 * Guards, pipes, interceptors, services and the handler of a request all add to the same tasks. They run in the order
 * in which they were added. The class is request-scoped by default. With the option `scope: Scope.DEFAULT`, it is a
 * singleton that finds the request by its async context.
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
  readonly #collection: TaskCollection;
  readonly #options: TaskOptions;

  /** @internal Nest makes it, or `@Tasks()`. */
  constructor(collection: TaskCollection, options: TaskOptions = NO_OPTIONS) {
    this.#collection = collection;
    this.#options = options;
  }

  /**
   * Adds a task that runs after the response, in the async context of this call.
   *
   * The task is one of these:
   *
   * - a function with its arguments;
   * - an object with the name of one of its methods, which keeps its `this`;
   * - the class of a provider with the name of a method: Nest resolves the provider when the task runs.
   *
   * If the task returns a promise, another thenable or an Observable, it is awaited. If the response is over, or there
   * is no request, the task starts at once, in a later turn of the event loop.
   *
   * @returns the task's handle; a task that fails is logged and never causes an unhandled rejection
   * @throws TaskArgumentError if there is nothing to call, or an argument can't be sent to a thread or a queue
   * @throws TooManyTasksError if `maxPending` tasks are accepted and not settled; unless you catch it, the client gets
   * a 503
   * @throws ShuttingDownError if the application is closing; unless you catch it, the client gets a 503
   *
   * @example
   * tasks.addTask(writeNotification, email, 'some notification');
   * tasks.addTask(this.mailer, 'sendWelcome', email);
   * tasks.addTask(this, 'ownMethod', email); // keeps the options of its `@Task`, which `() => this.ownMethod(email)` drops
   */
  addTask<
    Members,
    Name extends keyof Members,
    K extends string | symbol,
    Instance = unknown,
    Params extends unknown[] = never,
    Given extends unknown[] = never,
    IsInferred = true,
  >(
    target: Target<Members, Name, Instance, Params, K, IsInferred>,
    method: Method<Members, Name, Instance, Params, K>,
    ...args: MethodArguments<Members, Name, Instance, Params, K, Given>
  ): BackgroundTask<TaskResult<MethodOf<Members, Name, Instance, K>>>;
  addTask<
    F extends TaskFunction | Flow = AnyFunction,
    Members = unknown,
    Name extends keyof Members = never,
    Instance = unknown,
    const Given extends readonly unknown[] = never,
    IsInferred = true,
  >(
    task: FunctionOr<F, Members, Name, Instance, IsInferred>,
    ...args: FunctionArguments<F, Members, Name, Instance, Given>
  ): BackgroundTask<FunctionResult<F>>;
  addTask(...task: unknown[]): BackgroundTask {
    return this.#collection.add(readTaskCall('addTask', task), this.#options);
  }

  /**
   * Returns the same tasks, with options for each task that you add through the returned object.
   *
   * They override the options of the task's definition and of the module. A second `with` adds to the options of the
   * first.
   *
   * @throws InvalidOptionError if an option is unknown or has a wrong value
   *
   * @example
   * tasks.with({ runOn: 'always' }).addTask(this.audit, 'record', request.url);
   */
  with(options: TaskOptions): BackgroundTasks {
    return new BackgroundTasks(this.#collection, { ...this.#options, ...checkTaskOptions('with', options) });
  }

  /**
   * Resolves when every durable task that was added so far is in its queue.
   *
   * It covers the tasks that run on success. It enqueues those that wait, all or none, and waits for enqueues that are
   * in flight. A response does this by itself before it leaves: call `flush` only if code has to know earlier. In a
   * task, it waits for what that task added. Tasks that a singleton adds outside of requests and tasks are one context.
   *
   * With `transaction`, it enqueues them in your own transaction on Postgres. They are in the queue when it commits;
   * when it is rolled back, they have never existed. `flush` then resolves before the commit, and waits for no other
   * enqueue.
   *
   * @throws TaskArgumentError if the queue can't join the transaction
   * @throws TaskQueueError if a task could not be enqueued, and no earlier call of `flush` has rejected because of it;
   * unless you catch it, the client gets a 503. A rejection that nobody handles does not end the process
   *
   * @example
   * async importRows(rows: Row[]) {
   *   for (const row of rows) {
   *     this.tasks.addTask(importRow, row);
   *   }
   *   await this.tasks.flush(); // this task is done only if all of these are in the queue
   * }
   *
   * @example
   * await dataSource.transaction(async (manager) => {
   *   await manager.save(order);
   *   tasks.addTask(this.mailer, 'sendConfirmation', order.id);
   *   await tasks.flush({ transaction: typeOrm(manager) });
   * });
   */
  flush({ transaction }: FlushOptions = {}): Promise<void> {
    const flushed = transaction
      ? this.#collection.flushIn(checkTransaction('flush({ transaction })', transaction))
      : this.#collection.flush('success');
    // The log tells of each task that a queue refuses.
    flushed.catch(() => undefined);
    return flushed;
  }

  /**
   * Skips the tasks that were added so far, have not started and are not in a queue.
   *
   * Call it in a handler that catches the error of a transaction and still answers with success.
   *
   * @example
   * catch {
   *   this.tasks.discard();
   *   return { status: 'rejected' };
   * }
   */
  discard(): void {
    this.#collection.discard();
  }

  /**
   * Lists the request's tasks in the order in which they were added.
   *
   * From 1,000 tasks on, settled ones may be missing.
   */
  get tasks(): readonly BackgroundTask[] {
    return this.#collection.list?.tasks ?? [];
  }
}
