import { Inject, Injectable, type OnApplicationShutdown, type OnModuleDestroy } from '@nestjs/common';
import { TaskQueueHost } from '../durable/task-queue-host.ts';
import { TaskEngine } from '../engine/task-engine.ts';
import { BackgroundTasksOptions } from '../options/background-tasks.options.ts';
import { InFlightRequests } from '../request/http/in-flight-requests.ts';
import { settlesWithin } from '../util/settles-within.ts';

/** ms for tasks to end by themselves once their signals are aborted, for threads to end, and for records to be written. */
const GRACE = 500;

/** ms between two looks at responses that go on and on. */
const WATCH = 50;

/**
 * Ends what was accepted before the application ends: first of all that closes, and once more when the server has closed,
 * for what providers have started while they closed.
 */
@Injectable()
export class TaskShutdown implements OnModuleDestroy, OnApplicationShutdown {
  #deadline = Infinity;
  #namedLost = 0;
  #before = 0;
  #first?: Promise<void>;
  #second?: Promise<void>;

  constructor(
    @Inject(BackgroundTasksOptions) private readonly options: BackgroundTasksOptions,
    private readonly engine: TaskEngine,
    private readonly inFlight: InFlightRequests,
    private readonly queues: TaskQueueHost,
  ) {}

  // Nest 11 runs the hooks once more for each time that an application is told to close.
  onModuleDestroy(): Promise<void> {
    return (this.#first ??= this.#drainFirst());
  }

  onApplicationShutdown(): Promise<void> {
    return (this.#second ??= this.#drainAgain());
  }

  async #drainFirst(): Promise<void> {
    const { admission, life } = this.engine;
    const { shutdownTimeout } = this.options;
    this.#deadline = performance.now() + shutdownTimeout;
    this.#before = this.#ended;
    admission.goOnTo('draining');
    this.queues.current?.stopClaiming();
    this.inFlight.close();
    life.waitUntil(this.#deadline);
    await this.#drain(this.#settled());
    admission.goOnTo('drained');
    await this.#writeRecords();
  }

  async #drainAgain(): Promise<void> {
    const { admission, threads } = this.engine;
    // Closing the server may have taken all the time there was.
    this.#deadline = Math.max(this.#deadline, performance.now() + GRACE);
    await this.#drain(this.#tasksSettled());
    admission.goOnTo('closed');
    await settlesWithin(threads.close(), GRACE);
    this.#nameLost();
    await this.#writeRecords();
    this.engine.history.shared?.stop();
    await this.queues.current?.close();
  }

  get #timeLeft(): number {
    return this.#deadline - performance.now();
  }

  get #ended(): number {
    const { completed, failed, cancelled, skipped } = this.engine.tracker.stats;
    return completed + failed + cancelled + skipped;
  }

  /** Cancels what is left at the deadline. */
  async #drain(settled: Promise<void>): Promise<void> {
    const { tracker, threads, eventLoop, admission } = this.engine;
    if (tracker.size + this.inFlight.count === 0 || (await settlesWithin(settled, this.#timeLeft))) {
      return;
    }
    // What a task adds when its signal aborts would be lost.
    admission.goOnTo('closed');
    for (const response of this.inFlight.openResponses) {
      response.tasksAreLost();
    }
    for (const task of tracker.unsettled) {
      task.cancelFor('shutdown');
    }
    await settlesWithin(Promise.all([tracker.drain(), eventLoop.settleAborted()]), GRACE);
    await settlesWithin(threads.close(), GRACE);
    this.#nameLost();
  }

  /** Resolves when there is no task left, and no request that may add one. */
  async #settled(): Promise<void> {
    // Half of the time, since one that never answers is no reason to give up its tasks.
    const grace = this.options.shutdownTimeout / 2;
    await Promise.all([
      settlesWithin(this.inFlight.idle(), grace, false),
      settlesWithin(this.#tasksSettled(), grace, false),
    ]);
    // Also those whose first piece, or first task, is still to come.
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

  /** Also of those that are started one after the other, each when the last has settled. */
  async #tasksSettled(): Promise<void> {
    const { tracker } = this.engine;
    do {
      await tracker.drain();
      await new Promise(setImmediate);
    } while (tracker.size > 0);
  }

  /** Says it as soon as it is known: what comes after may take longer than whoever ends the process waits. */
  #nameLost(): void {
    const { life, log } = this.engine;
    const lost = life.lost.slice(this.#namedLost);
    if (lost.length > 0) {
      log.lost(this.#ended - this.#before - life.lost.length, lost, this.options.shutdownTimeout);
      this.#namedLost = life.lost.length;
    }
  }

  async #writeRecords(): Promise<void> {
    await this.engine.history.shared?.flush(Math.max(GRACE, this.#timeLeft));
  }
}
