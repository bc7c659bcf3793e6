import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common';
import { TaskQueueHost } from '../durable/task-queue-host.ts';
import { TaskEngine } from '../engine/task-engine.ts';
import { BackgroundTasksOptions } from '../options/background-tasks.options.ts';
import { InFlightRequests } from '../request/http/in-flight-requests.ts';
import { settlesWithin } from '../util/settles-within.ts';
import { clearInterval, now, setImmediate, setInterval } from '../util/timers.ts';
import { EndsUnderway } from './ends-underway.ts';

/** ms for tasks to settle once their signals are aborted, for threads to end, and for records to be written. */
const GRACE = 500;

/** ms for a queue to say that a task has ended, which has ended in this process. */
const END_GRACE = 1_000;

/** How many turns of the event loop a stream takes to end after its source has completed. */
const TURNS = 5;

/** ms between two looks at responses that are sent piece by piece. */
const LOOK_EVERY = 50;

/**
 * Waits for the tasks when the application closes, and logs the tasks that it cancels. It works in three steps:
 *
 * 1. `onModuleDestroy`, before any provider closes: later requests add no tasks, this process claims no durable tasks, and
 *    accepted tasks run until they settle. After `shutdownTimeout`, the rest is cancelled and named in the log.
 * 2. `beforeApplicationShutdown`, after the first hooks of the other providers, and before the HTTP server closes: the events
 *    complete, and so does all that follows single tasks. Before that, their queues have up to a second to tell how they
 *    ended. The server waits for open responses, and a stream of events would never end.
 * 3. `onApplicationShutdown`, after the HTTP server has closed: the same for tasks that providers started while they
 *    closed. Then it closes threads, records and the queue.
 */
@Injectable()
export class TaskShutdown implements OnModuleDestroy, BeforeApplicationShutdown, OnApplicationShutdown {
  #deadline = Infinity;
  #firstStep?: Promise<void>;
  #secondStep?: Promise<void>;
  #thirdStep?: Promise<void>;

  constructor(
    @Inject(BackgroundTasksOptions) private readonly options: BackgroundTasksOptions,
    private readonly engine: TaskEngine,
    private readonly inFlight: InFlightRequests,
    private readonly queues: TaskQueueHost,
    private readonly ends: EndsUnderway,
  ) {}

  // Nest 11 calls the hooks again at each further `app.close()`.
  onModuleDestroy(): Promise<void> {
    return (this.#firstStep ??= this.#drainFirst());
  }

  beforeApplicationShutdown(): Promise<void> {
    return (this.#secondStep ??= this.#closeEvents());
  }

  onApplicationShutdown(): Promise<void> {
    return (this.#thirdStep ??= this.#drainAgain());
  }

  async #drainFirst(): Promise<void> {
    this.#deadline = now() + this.options.shutdownTimeout;
    this.engine.stopAdmitting(this.#deadline);
    this.queues.current?.stopClaiming();
    this.inFlight.close();
    await this.#drain(this.#requestsSettled());
    this.engine.stopAdmittingRequests();
    await this.#flushRecords();
  }

  async #closeEvents(): Promise<void> {
    if (this.engine.isObserved) {
      // Subscribers hear how the tasks settled that providers have started while they closed.
      await settlesWithin(this.#tasksSettled(), this.#timeLeft);
    }
    await settlesWithin(this.ends.arrived(), END_GRACE);
    this.engine.closeEvents();
    // Responses that send events end in these turns. A server that closes before would wait for their idle connections.
    for (let turns = 0; turns < TURNS; turns++) {
      await new Promise(setImmediate);
    }
  }

  async #drainAgain(): Promise<void> {
    // Closing the server may have used up the time.
    this.#deadline = Math.max(this.#deadline, now() + GRACE);
    await this.#drain(this.#tasksSettled());
    this.engine.stopAdmittingAll();
    await this.engine.closeThreads(GRACE);
    this.engine.reportLost();
    await this.#flushRecords();
    this.engine.closeRecords();
    await this.queues.current?.close();
  }

  get #timeLeft(): number {
    return this.#deadline - now();
  }

  /** Waits for `settled` until the deadline. Then it cancels the tasks that are left. */
  async #drain(settled: Promise<void>): Promise<void> {
    const isIdle = !this.engine.isBusy && this.inFlight.count === 0;
    if (isIdle || (await settlesWithin(settled, this.#timeLeft))) {
      return;
    }
    this.engine.stopAdmittingAll();
    for (const response of this.inFlight.openResponses.toArray()) {
      response.tasksAreLost();
    }
    await this.engine.cancelRest(GRACE);
    // Now, and not at the end: the process may be killed before.
    this.engine.reportLost();
  }

  /** Resolves when no task is unsettled and no request is left that may add one. */
  async #requestsSettled(): Promise<void> {
    // Requests get half of the time. The other half is for the tasks of responses that are still being sent: they start
    // then, without the end of their response.
    const grace = this.options.shutdownTimeout / 2;
    await Promise.all([
      settlesWithin(this.inFlight.idle(), grace, { unref: true }),
      settlesWithin(this.#tasksSettled(), grace, { unref: true }),
    ]);
    // Repeated, because a response may send its first piece, or add its first task, only later.
    const watch = setInterval(
      () => this.inFlight.openResponses.toArray().forEach((response) => response.stopWaiting()),
      LOOK_EVERY,
    ).unref();
    try {
      await this.#tasksSettled();
    } finally {
      clearInterval(watch);
    }
  }

  /** Waits for tasks that other code starts when a task has settled, too. */
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
