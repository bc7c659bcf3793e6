import { Injectable } from '@nestjs/common';
import type { Observable } from 'rxjs';
import { checkTransaction, type Transaction } from '../durable/transaction.ts';
import { wrongDrainTimeout } from '../engine/engine.messages.ts';
import { TaskEngine } from '../engine/task-engine.ts';
import { InvalidOptionError } from '../errors/task.errors.ts';
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
import type { TaskEvent } from '../task/model/task-event.ts';
import type { QueueStats } from '../task/model/queue-stats.ts';
import type { TaskStats } from '../task/model/task-stats.ts';
import { describe } from '../util/inspect.ts';
import { timeLimit } from '../validation/option-rules.ts';

/**
 * Starts tasks where there is no request: in cron jobs, gateways and scripts.
 *
 * Its `events`, `stats()` and `drain()` cover all tasks of the application, also those of requests. A singleton.
 *
 * @example
 * constructor(private readonly runner: TaskRunner) {}
 *
 * @Cron('0 3 * * *')
 * nightly() {
 *   this.runner.start(this.reports, 'rebuild');
 * }
 *
 * @since 0.1.0
 */
@Injectable()
export class TaskRunner {
  readonly #engine: TaskEngine;
  #options: TaskOptions = NO_OPTIONS;
  #transaction?: Transaction;

  constructor(engine: TaskEngine) {
    this.#engine = engine;
  }

  /**
   * Runs a function, or a method with its `this`, in a later turn of the event loop.
   *
   * If you pass the class of a provider, Nest resolves the object when the task runs; it makes a request-scoped
   * provider anew for each attempt. Tasks that you start one by one don't wait for each other. A task that fails is
   * logged; it never becomes an unhandled rejection.
   *
   * @returns the task's handle
   * @throws TaskArgumentError if there is nothing to call, or an argument can't be cloned or enqueued
   * @throws TooManyTasksError if `maxPending` tasks are unsettled, or the pool's queue is full
   * @throws ShuttingDownError if the application has closed, or if the request came after the application began to close
   *
   * @example
   * runner.start(rebuildIndex, 'products');
   * runner.start(this.reports, 'rebuild');
   * runner.start(this, 'ownMethod'); // keeps the options of its `@Task`
   * runner.start(Reports, 'rebuild'); // Nest resolves the provider
   */
  start<
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
  start<
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
  start(...task: unknown[]): BackgroundTask {
    const call = readTaskCall('start', task);
    return this.#transaction
      ? this.#engine.startIn(this.#transaction, call, this.#options)
      : this.#engine.createOpenList().add(call, this.#options);
  }

  /**
   * Returns a runner that starts its tasks with these options.
   *
   * @throws InvalidOptionError
   *
   * @example
   * runner.with({ attempts: 3, timeout: 5_000 }).start(callApi, id);
   */
  with(options: TaskOptions): TaskRunner {
    return this.#copy({ ...this.#options, ...checkTaskOptions('with', options) }, this.#transaction);
  }

  /**
   * Returns a runner that enqueues durable tasks in your own transaction on Postgres.
   *
   * Await `stored()` of each handle before you commit.
   *
   * @throws TaskArgumentError if `transaction` is not a transaction
   *
   * @example
   * await dataSource.transaction(async (manager) => {
   *   await manager.save(order);
   *   await this.runner.within(typeOrm(manager)).start(this.mailer, 'sendConfirmation', order.id).stored();
   * });
   */
  within(transaction: Transaction): TaskRunner {
    return this.#copy(this.#options, checkTransaction('within(transaction)', transaction));
  }

  /**
   * Resolves when all accepted tasks have settled or are in their queues.
   *
   * This includes tasks that other tasks add, and tasks of requests whose response is not over yet. Use it in tests and
   * scripts. Don't await it in a task or handler: it would wait for itself.
   *
   * @param timeout ms. Default: waits for ever
   * @throws InvalidOptionError if the timeout is not a number of milliseconds
   * @throws DrainTimeoutError if tasks have not settled in time; they go on
   *
   * @example
   * await app.get(TaskRunner).drain(5_000);
   */
  async drain(timeout?: number): Promise<void> {
    if (timeout !== undefined && !timeLimit.accepts(timeout)) {
      throw new InvalidOptionError(wrongDrainTimeout(describe(timeout), timeLimit.expected));
    }
    return this.#engine.drain(timeout);
  }

  /**
   * Counts the tasks of this process that wait, run and have settled, with times by task name.
   *
   * The counts of settled tasks begin when the application starts. `queueStats()` counts the tasks in queues.
   */
  stats(): TaskStats {
    return this.#engine.stats;
  }

  /**
   * Counts the tasks of each queue, for all processes.
   *
   * The queues are those that tasks of this application name. It sends one request to the server. Without a module for
   * queues, it returns an empty list.
   *
   * @throws TaskQueueError if the server fails, or doesn't answer within `enqueueTimeout`
   *
   * @example
   * for (const { name, pending, oldestAge = 0 } of await runner.queueStats()) {
   *   metrics.gauge('queue_oldest_age', oldestAge, { queue: name });
   * }
   */
  async queueStats(): Promise<QueueStats[]> {
    return this.#engine.queueStats();
  }

  /**
   * Emits each step of every task in this process, as it happens.
   *
   * It is hot: a subscriber gets no past events. If a subscriber throws, the error is logged and the other subscribers
   * go on. That holds after `pipe` too, but not for an Observable that RxJS combines with others, such as by `merge`.
   *
   * @example
   * runner.events.subscribe(({ type, task }) => metrics.count(type, task.name));
   */
  get events(): Observable<TaskEvent> {
    return this.#engine.events;
  }

  #copy(options: TaskOptions, transaction: Transaction | undefined): TaskRunner {
    const runner = new TaskRunner(this.#engine);
    runner.#options = options;
    if (transaction) {
      runner.#transaction = transaction;
    }
    return runner;
  }
}
