import { Inject, Injectable, type OnApplicationShutdown, type OnModuleDestroy } from '@nestjs/common';
import { TaskQueueHost } from '../durable/task-queue-host.ts';
import { TaskEngine } from '../engine/task-engine.ts';
import { BackgroundTasksOptions } from '../options/background-tasks.options.ts';
import { InFlightRequests } from '../request/http/in-flight-requests.ts';
import { settlesWithin } from '../util/settles-within.ts';

/** ms for tasks to settle once their signals are aborted, for threads to end, and for records to be written. */
const GRACE = 500;

/** ms between two looks at responses that are sent piece by piece. */
const WATCH = 50;

/**
 * Closes the core without losing a task quietly. Nest calls the hooks of this class twice:
 *
 * 1. `onModuleDestroy`, before any provider closes: later requests add no tasks, this process claims no jobs, and what was
 *    accepted runs until it settles. After `shutdownTimeout`, the rest is cancelled and named in the log.
 * 2. `onApplicationShutdown`, after the HTTP server has closed: the same for tasks that providers started while they
 *    closed. Then threads, records and queues are closed.
 */
@Injectable()
export class TaskShutdown implements OnModuleDestroy, OnApplicationShutdown {
  #deadline = Infinity;
  #first?: Promise<void>;
  #second?: Promise<void>;

  constructor(
    @Inject(BackgroundTasksOptions) private readonly options: BackgroundTasksOptions,
    private readonly engine: TaskEngine,
    private readonly inFlight: InFlightRequests,
    private readonly queues: TaskQueueHost,
  ) {}

  // Nest 11 runs the hooks again each time somebody closes the application.
  onModuleDestroy(): Promise<void> {
    return (this.#first ??= this.#drainFirst());
  }

  onApplicationShutdown(): Promise<void> {
    return (this.#second ??= this.#drainAgain());
  }

  async #drainFirst(): Promise<void> {
    this.#deadline = performance.now() + this.options.shutdownTimeout;
    this.engine.stopAdmitting(this.#deadline);
    this.queues.current?.stopClaiming();
    this.inFlight.close();
    await this.#drain(this.#requestsSettled());
    this.engine.stopAdmittingRequests();
    await this.#flushRecords();
  }

  async #drainAgain(): Promise<void> {
    // The server may have taken all the time that there was.
    this.#deadline = Math.max(this.#deadline, performance.now() + GRACE);
    await this.#drain(this.#tasksSettled());
    this.engine.stopAdmittingAll();
    await this.engine.closeThreads(GRACE);
    this.engine.reportLost();
    await this.#flushRecords();
    this.engine.closeRecords();
    await this.queues.current?.close();
  }

  get #timeLeft(): number {
    return this.#deadline - performance.now();
  }

  /** Waits until the deadline, and cancels the rest. */
  async #drain(settled: Promise<void>): Promise<void> {
    const isIdle = !this.engine.isBusy && this.inFlight.count === 0;
    if (isIdle || (await settlesWithin(settled, this.#timeLeft))) {
      return;
    }
    this.engine.stopAdmittingAll();
    for (const response of this.inFlight.openResponses) {
      response.tasksAreLost();
    }
    await this.engine.cancelRest(GRACE);
    // At once: whoever ends the process may not wait for the rest.
    this.engine.reportLost();
  }

  /** Resolves when no task is unsettled and no request is left that may add one. */
  async #requestsSettled(): Promise<void> {
    // Half of the time: a request that never answers is no reason to lose the tasks of the others.
    const grace = this.options.shutdownTimeout / 2;
    await Promise.all([
      settlesWithin(this.inFlight.idle(), grace, false),
      settlesWithin(this.#tasksSettled(), grace, false),
    ]);
    // Again and again: a response may not have sent its first piece, or not have added its first task.
    const watch = setInterval(
      () => this.inFlight.openResponses.forEach((response) => response.stopWaiting()),
      WATCH,
    ).unref();
    try {
      await this.#tasksSettled();
    } finally {
      clearInterval(watch);
    }
  }

  /** Waits also for tasks that start one after the other, each when the last one has settled. */
  async #tasksSettled(): Promise<void> {
    do {
      await this.engine.drain();
      await new Promise(setImmediate);
    } while (this.engine.isBusy);
  }

  async #flushRecords(): Promise<void> {
    await this.engine.flushRecords(Math.max(GRACE, this.#timeLeft));
  }
}
