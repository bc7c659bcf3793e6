import { Inject, Injectable, Logger } from '@nestjs/common';
import type { FlowProducer, Processor, Queue, QueueEvents, QueueEventsProducer, Telemetry, Worker } from 'bullmq';
import { BackgroundTasksError } from '../../errors/background-tasks.error.ts';
import { InvalidOptionError } from '../../errors/task.errors.ts';
import { TaskQueueError } from '../../errors/unavailable.errors.ts';
import type { QueueStats } from '../../task/model/queue-stats.ts';
import { kindOf, read } from '../../util/inspect.ts';
import { retryUntil } from '../../util/retry-until.ts';
import { withoutDetails, withoutSecrets } from '../../util/secrets.ts';
import { settlesWithin } from '../../util/settles-within.ts';
import { clearTimeout, now, setTimeout } from '../../util/timers.ts';
import { BullMqTasksOptions, BullMqWorkerOptions } from '../bullmq-tasks.options.ts';
import {
  connectionClosed,
  endRefused,
  jobGone,
  lockLost,
  noAnswerInTime,
  queueFailed,
  serverRefused,
  serverUnavailable,
} from '../bullmq.messages.ts';
import { type JobStatements, postgresStatements, redisStatements } from './job-statements.ts';
import { isLostLock } from './lost-lock.ts';
import { postgresQueueStats, redisQueueStats } from './queue-stats-statements.ts';
import { openStore } from './open-store.ts';
import { type BullMq, STORE_PACKAGES, type StorePackages } from './store-packages.ts';
import { RECONNECT, type Store } from './store.ts';
import { throwFlowErrors } from './refused-jobs.ts';
import { type RunStatement, transactionFlows } from './transaction-flows.ts';
import { endTimers, makeLasting } from './worker-backend.ts';

/** ms for all connections to close, and then for the open ones to disconnect. */
const CLOSE_TIMEOUT = 5_000;
const DISCONNECT_TIMEOUT = 500;

/** ms between two warnings: during an outage, each connection reports its own error. */
const WARN_EVERY = 60_000;

type Closing = {
  close(): Promise<void>;
  disconnect?(): Promise<void>;
  on(event: 'error', listener: (error: Error) => void): unknown;
};

/** Creates every object of BullMQ that talks to the server, with the configured connection, and closes them all. */
@Injectable()
export class BullMqConnection {
  readonly #logger = new Logger('BackgroundTasks');
  readonly #open = new Set<Closing>();
  readonly #workers: Worker[] = [];
  readonly #bullmq: BullMq;
  readonly #store: Store;
  #ready?: Promise<void> | undefined;
  #isReady = false;
  /** Why the application has not started. */
  #refusal?: BackgroundTasksError;
  #isClosed = false;
  /** True once the time for closing is over. */
  #isCut = false;
  #warnedAt = -Infinity;

  constructor(
    @Inject(STORE_PACKAGES) packages: StorePackages,
    @Inject(BullMqTasksOptions) private readonly options: BullMqTasksOptions,
  ) {
    this.#bullmq = packages.bullmq;
    this.#store = openStore(packages, options, (error) => this.warn(error));
  }

  /** What BullMQ has no call for. */
  get statements(): JobStatements {
    return this.#store.backend ? postgresStatements : redisStatements;
  }

  /**
   * @param queues at least one
   * @param cancelled the name of the error in the stack of a cancelled job
   */
  queueStats(queues: readonly Queue[], cancelled: string): Promise<QueueStats[]> {
    return this.#store.backend ? postgresQueueStats(queues, cancelled) : redisQueueStats(queues, cancelled);
  }

  get unrecoverable(): BullMq['UnrecoverableError'] {
    return this.#bullmq.UnrecoverableError;
  }

  /** @throws an error that tells what is wrong with the pattern */
  nextTime(repeat: { pattern: string; tz?: string }): number | undefined {
    return this.#bullmq.defaultRepeatStrategy(Date.now(), repeat);
  }

  get delayed(): BullMq['DelayedError'] {
    return this.#bullmq.DelayedError;
  }

  get waiting(): BullMq['WaitingError'] {
    return this.#bullmq.WaitingError;
  }

  /** Resolves when the server is ready; rejects if it refuses the connection. */
  get ready(): Promise<void> {
    return (this.#ready ??= this.#prepare());
  }

  /** Whether the server has once been ready: then there is nothing to wait for before a request. */
  get isReady(): boolean {
    return this.#isReady;
  }

  async #prepare(): Promise<void> {
    try {
      await this.#store.prepare();
      this.#isReady = true;
    } catch (error) {
      this.#ready = undefined;
      throw error;
    }
  }

  /**
   * Waits for the server for up to `enqueueTimeout` ms. The application also starts without it, and uses it once it is there.
   *
   * @throws InvalidOptionError if the server refuses the connection
   */
  async open(): Promise<void> {
    if (this.#refusal) {
      // All connections are closed: a second start of the same application can't open them again.
      throw this.#refusal;
    }
    try {
      await (this.#store.isEmbedded ? this.ready : settlesWithin(this.ready, this.options.enqueueTimeout));
    } catch (cause) {
      // Nest closes no application that has not started.
      await this.close();
      this.#refusal =
        cause instanceof BackgroundTasksError
          ? cause
          : new InvalidOptionError(serverRefused(reasonOf(cause)), { cause: withoutDetails(cause) });
      throw this.#refusal;
    }
  }

  get #telemetry(): { telemetry?: Telemetry } {
    const { telemetry } = this.options;
    return telemetry ? { telemetry } : {};
  }

  queue(name: string): Queue {
    const queue = this.#opened(
      new this.#bullmq.Queue(name, { ...this.#store.producing, ...this.#telemetry }, ...this.#backend),
    );
    this.#store.makeBulkAtomic(queue);
    return queue;
  }

  flows(): FlowProducer {
    const flows = this.#opened(
      new this.#bullmq.FlowProducer({ ...this.#store.producing, ...this.#telemetry }, ...this.#backend),
    );
    throwFlowErrors(flows, (error) => this.#store.noticeRefusal(error));
    return flows;
  }

  /** Whether a transaction of the application can add jobs. */
  get hasTransactions(): boolean {
    return this.#store.hasTransactions;
  }

  /** Makes a FlowProducer for one transaction. There is nothing to close. */
  flowsIn(run: RunStatement): FlowProducer {
    const flows = transactionFlows(this.#bullmq, this.options.prefix, run);
    throwFlowErrors(flows, () => undefined);
    return flows;
  }

  worker(name: string, processor: Processor, options: Partial<BullMqWorkerOptions>): Worker {
    const { queues: _queues, ...others } = Object.assign(new BullMqWorkerOptions(), options);
    const all = { ...this.#store.consuming, ...this.#telemetry, ...others, runRetryDelay: RECONNECT, autorun: false };
    const worker = this.#opened(new this.#bullmq.Worker(name, processor, all, ...this.#backend));
    this.#workers.push(worker);
    this.#store.tune(worker);
    makeLasting(worker, {
      isNotNow: (error) => this.isNotNow(error),
      isLost: (error) => isLostLock(error, this.#bullmq.ErrorCode) || this.isNotInState(error),
      onEndRefused: (id, error) => this.#logger.warn(endRefused(id, reasonOf(error))),
      onClaimRefused: (error) => this.warn(error),
      isOver: () => this.#isCut,
    });
    return worker;
  }

  /** Whether the server refused for now: the same request can succeed later. */
  isNotNow(error: unknown): boolean {
    return this.#store.isNotNow(error);
  }

  /** Hears the events of a queue, from all processes, that come after `lastEventId`. */
  events(name: string, lastEventId: string): QueueEvents {
    const options = { ...this.#store.consuming, lastEventId, autorun: false };
    const events = this.#opened(new this.#bullmq.QueueEvents(name, options, ...this.#backend));
    void this.keepTrying(() => events.run());
    return events;
  }

  eventsProducer(name: string): QueueEventsProducer {
    return this.#opened(new this.#bullmq.QueueEventsProducer(name, this.#store.producing, ...this.#backend));
  }

  /** Retries until the attempt succeeds; `undefined` if the connection is closed before. For work that no caller waits for. */
  async keepTrying<T>(attempt: () => Promise<T>): Promise<T | undefined> {
    const success = await retryUntil(
      async () => {
        try {
          return { value: await attempt() };
        } catch (error) {
          this.warn(error);
          return undefined;
        }
      },
      { delay: RECONNECT, shouldStop: () => this.#isClosed },
    );
    return success?.value;
  }

  /**
   * Waits for an answer of the server, for up to `enqueueTimeout` ms.
   *
   * @throws TaskQueueError whose cause is the server's error
   */
  answered<T>(answer: Promise<T>): Promise<T> {
    const { enqueueTimeout } = this.options;
    // Only one promise, because each enqueue comes through here.
    return new Promise((resolve, reject) => {
      const fail = (cause: unknown) => {
        const reason = this.#isClosed ? connectionClosed() : reasonOf(cause);
        reject(new TaskQueueError(queueFailed(reason), { cause: withoutDetails(cause) }));
      };
      const timer = setTimeout(() => fail(new Error(noAnswerInTime(enqueueTimeout))), enqueueTimeout);
      answer.then(
        (value) => {
          clearTimeout(timer);
          return resolve(value);
        },
        (cause: unknown) => {
          clearTimeout(timer);
          return fail(cause);
        },
      );
    });
  }

  /** Whether BullMQ refused a change because the job is in another state. */
  isNotInState(error: unknown): boolean {
    return read(error as object, 'code') === this.#bullmq.ErrorCode.JobNotInState;
  }

  /** Closes everything, within limits: BullMQ can wait forever for a connection that it closes itself. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#store.giveUp();
    if (!(await this.#settled(CLOSE_TIMEOUT, (it) => it.close()))) {
      this.#isCut = true;
      await Promise.all(this.#workers.map(endTimers));
      await this.#settled(DISCONNECT_TIMEOUT, async (it) => it.disconnect?.());
    }
    await this.#store.close();
  }

  warn(error: unknown): void {
    const reason = reasonOf(error);
    if (isLostLock(error, this.#bullmq.ErrorCode)) {
      this.#logger.warn(lockLost(reason));
      return;
    }
    if (read(error as object, 'code') === this.#bullmq.ErrorCode.JobNotExist) {
      this.#logger.warn(jobGone(reason));
      return;
    }
    if (now() - this.#warnedAt > WARN_EVERY) {
      this.#warnedAt = now();
      this.#logger.warn(serverUnavailable(reason));
    }
  }

  async #settled(ms: number, close: (it: Closing) => Promise<unknown>): Promise<boolean> {
    const closed = Promise.all(Array.from(this.#open, (it) => close(it).catch((error: unknown) => this.warn(error))));
    return settlesWithin(closed, ms);
  }

  // BullMQ's constructors have one overload for each backend, and no common one.
  get #backend(): [] {
    const { backend } = this.#store;
    return (backend ? [backend] : []) as unknown as [];
  }

  #opened<T>(opened: T): T {
    const it = opened as Closing;
    this.#open.add(it);
    it.on('error', (error) => this.warn(error));
    // While the caller waited for something else, everything may have been closed.
    if (this.#isClosed) {
      it.close().catch((error: unknown) => this.warn(error));
    }
    return opened;
  }
}

/** What the server or its driver says. When Node fails to connect to several addresses, its error has a code and no message. */
function reasonOf(error: unknown): string {
  const said = ['message', 'code'].map((name) => read(error as object, name));
  return withoutSecrets(said.find((it): it is string => typeof it === 'string' && it !== '') ?? kindOf(error));
}
