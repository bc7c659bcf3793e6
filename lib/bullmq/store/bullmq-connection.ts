import { setTimeout } from 'node:timers/promises';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { FlowProducer, Processor, Queue, QueueEvents, QueueEventsProducer, Worker } from 'bullmq';
import { BackgroundTasksError } from '../../errors/background-tasks.error.ts';
import { InvalidOptionError } from '../../errors/task.errors.ts';
import { describe, read } from '../../util/inspect.ts';
import { settlesWithin } from '../../util/settles-within.ts';
import { BullMqTasksOptions, BullMqWorkerOptions } from '../bullmq-tasks.options.ts';
import { lockLost, storeIsAway, storeRefused } from '../bullmq.messages.ts';
import { openStore } from './open-store.ts';
import { type BullMq, STORE_PACKAGES, type StorePackages } from './store-packages.ts';
import { RECONNECT, type Store } from './store.ts';

/** ms for all to close, and then for what has not to let go. */
const CLOSE_TIMEOUT = 5_000;
const DISCONNECT_TIMEOUT = 500;

/** ms in which the same outage is not told of again: each connection tells of it. */
const WARN_EVERY = 60_000;

/** What BullMQ says of a task that has run for longer than its process could say so. */
const LOST_LOCK = /missing lock|lock mismatch|could not renew lock/i;

type Closing = {
  close(): Promise<void>;
  disconnect?(): Promise<void>;
  on(event: 'error', listener: (error: Error) => void): unknown;
};

/** Makes what talks to the store, in the one way that it is configured, and closes all of it. */
@Injectable()
export class BullMqConnection {
  readonly #logger = new Logger('BackgroundTasks');
  readonly #open = new Set<Closing>();
  readonly #bullmq: BullMq;
  readonly #store: Store;
  #ready?: Promise<void> | undefined;
  #isClosed = false;
  #warnedAt = -Infinity;

  constructor(
    @Inject(STORE_PACKAGES) packages: StorePackages,
    @Inject(BullMqTasksOptions) private readonly options: BullMqTasksOptions,
  ) {
    this.#bullmq = packages.bullmq;
    this.#store = openStore(packages, options, (error) => this.warn(error));
  }

  get isBulkAtomic(): boolean {
    return this.#store.isBulkAtomic;
  }

  get unrecoverable(): BullMq['UnrecoverableError'] {
    return this.#bullmq.UnrecoverableError;
  }

  /** @throws an error that says what is wrong with the pattern */
  nextTime(repeat: { pattern: string; tz?: string }): number | undefined {
    return this.#bullmq.defaultRepeatStrategy(Date.now(), repeat);
  }

  get delayed(): BullMq['DelayedError'] {
    return this.#bullmq.DelayedError;
  }

  get waiting(): BullMq['WaitingError'] {
    return this.#bullmq.WaitingError;
  }

  /** Resolves when the store can be used; rejects if it refuses. */
  get ready(): Promise<void> {
    return (this.#ready ??= this.#store.prepare().catch((error: unknown) => {
      this.#ready = undefined;
      throw error;
    }));
  }

  /** Resolves when the application may start; rejects if the store refuses. */
  async open(): Promise<void> {
    // A store that is away when the application starts doesn't keep it from starting.
    try {
      await (this.#store.isEmbedded ? this.ready : settlesWithin(this.ready, this.options.enqueueTimeout));
    } catch (cause) {
      throw cause instanceof BackgroundTasksError
        ? cause
        : new InvalidOptionError(storeRefused(reasonOf(cause)), { cause });
    }
  }

  queue(name: string): Queue {
    return this.#opened(new this.#bullmq.Queue(name, this.#store.producing, ...this.#backend));
  }

  flows(): FlowProducer {
    return this.#opened(new this.#bullmq.FlowProducer(this.#store.producing, ...this.#backend));
  }

  worker(name: string, processor: Processor, options: Partial<BullMqWorkerOptions>): Worker {
    const { queues: _queues, ...others } = Object.assign(new BullMqWorkerOptions(), options);
    // After which it asks again where the store is away.
    const all = { ...this.#store.consuming, ...others, runRetryDelay: RECONNECT, autorun: false };
    return this.#opened(new this.#bullmq.Worker(name, processor, all, ...this.#backend));
  }

  /** What is said to all processes, from some event on. */
  events(name: string, lastEventId: string): QueueEvents {
    const options = { ...this.#store.consuming, lastEventId, autorun: false };
    const events = this.#opened(new this.#bullmq.QueueEvents(name, options, ...this.#backend));
    void this.keepTrying(() => events.run());
    return events;
  }

  eventsProducer(name: string): QueueEventsProducer {
    return this.#opened(new this.#bullmq.QueueEventsProducer(name, this.#store.producing, ...this.#backend));
  }

  /** Until it succeeds, or nothing is wanted of the store any more: for what has to go on by itself when the store is back. */
  async keepTrying<T>(attempt: () => Promise<T>): Promise<T | undefined> {
    while (!this.#isClosed) {
      try {
        return await attempt();
      } catch (error) {
        this.warn(error);
        await setTimeout(RECONNECT);
      }
    }
    return undefined;
  }

  /** Waits for what is at work, and not for ever: BullMQ can wait for a connection that it closes itself. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#store.giveUp();
    if (!(await this.#inTime(CLOSE_TIMEOUT, (it) => it.close()))) {
      await this.#inTime(DISCONNECT_TIMEOUT, async (it) => it.disconnect?.());
    }
    await this.#store.close();
  }

  warn(error: unknown): void {
    const reason = reasonOf(error);
    if (LOST_LOCK.test(reason)) {
      this.#logger.warn(lockLost(reason));
      return;
    }
    if (performance.now() - this.#warnedAt > WARN_EVERY) {
      this.#warnedAt = performance.now();
      this.#logger.warn(storeIsAway(reason));
    }
  }

  async #inTime(ms: number, close: (it: Closing) => Promise<unknown>): Promise<boolean> {
    const closed = Promise.all(Array.from(this.#open, (it) => close(it).catch((error: unknown) => this.warn(error))));
    return settlesWithin(closed, ms);
  }

  // As BullMQ's overloads have it, one of which is for each kind of backend.
  get #backend(): [] {
    const { backend } = this.#store;
    return (backend ? [backend] : []) as unknown as [];
  }

  #opened<T>(opened: T): T {
    const it = opened as Closing;
    this.#open.add(it);
    it.on('error', (error) => this.warn(error));
    // By whoever had waited for something else when all was closed.
    if (this.#isClosed) {
      it.close().catch((error: unknown) => this.warn(error));
    }
    return opened;
  }
}

/** Of several addresses that were tried in vain, Node says nothing but a code. */
function reasonOf(error: unknown): string {
  const said = ['message', 'code'].map((name) => read(error as object, name));
  return (said.find((it) => typeof it === 'string' && it !== '') as string | undefined) ?? describe(error);
}
