import { Injectable } from '@nestjs/common';
import type { Observable } from 'rxjs';
import { wrongDrainTimeout } from '../engine/engine.messages.ts';
import { TaskEngine } from '../engine/task-engine.ts';
import { InvalidOptionError } from '../errors/task.errors.ts';
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
import type { TaskEvent } from '../task/model/task-event.ts';
import type { TaskStats } from '../task/model/task-stats.ts';
import { describe } from '../util/inspect.ts';
import { timeLimit } from '../validation/option-rules.ts';

/**
 * Starts tasks where there is no request: cron jobs, gateways, scripts. And knows of all tasks of the application, also
 * those of requests. A singleton.
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

  constructor(engine: TaskEngine) {
    this.#engine = engine;
  }

  /**
   * Runs a function, or a method with its `this`, in a later turn of the event loop. Where the class of a provider is given,
   * Nest is asked for the object when the task runs: one of request scope is made for it. Tasks that were started one by
   * one don't wait for each other.
   *
   * @returns the task's handle; a task that fails is logged, and never an unhandled rejection
   * @throws TaskArgumentError if there is nothing to call, or an argument can't be cloned for a thread
   * @throws TooManyTasksError
   * @throws ShuttingDownError if the application is closed
   */
  start<T extends object, K extends MethodName<T>>(
    target: TaskTarget<T>,
    method: K,
    ...args: ArgumentsOf<T[K]>
  ): BackgroundTask<TaskResult<T[K]>>;
  start<T extends object, K extends MethodName<T>>(
    provider: ProviderClass<T>,
    method: K,
    ...args: ArgumentsOf<T[K]>
  ): BackgroundTask<TaskResult<T[K]>>;
  start<F extends AnyFunction>(fn: F, ...args: Parameters<F>): BackgroundTask<TaskResult<F>>;
  start<R>(flow: Flow<R>): BackgroundTask<R>;
  start(...task: unknown[]): BackgroundTask {
    return this.#engine.createOpenList().add(readTaskCall('start', task), this.#options);
  }

  /**
   * The same runner with options for the tasks that are started through what is returned.
   *
   * @throws InvalidOptionError
   */
  with(options: TaskOptions): TaskRunner {
    const runner = new TaskRunner(this.#engine);
    runner.#options = { ...this.#options, ...checkTaskOptions('with', options) };
    return runner;
  }

  /**
   * Resolves as soon as every task that was accepted has come to its end, also those that tasks add meanwhile, and those
   * of requests whose response is not over yet. For tests and scripts: a task or handler that awaits it waits for itself.
   *
   * @param timeout ms after which to give up; default: never
   * @throws InvalidOptionError
   * @throws DrainTimeoutError which names the tasks that had not settled; they go on
   */
  async drain(timeout?: number): Promise<void> {
    if (timeout !== undefined && !timeLimit.accepts(timeout)) {
      throw new InvalidOptionError(wrongDrainTimeout(describe(timeout), timeLimit.expected));
    }
    return this.#engine.drain(timeout);
  }

  /** Figures: what there is to do, and what was done. */
  stats(): TaskStats {
    return this.#engine.stats;
  }

  /**
   * Each step of every task of the application, as it happens. Hot: what was before you subscribed is not told again. A
   * subscriber that throws is logged, and disturbs nobody; also behind operators, and not where it is combined with other
   * Observables.
   */
  get events(): Observable<TaskEvent> {
    return this.#engine.events;
  }
}
