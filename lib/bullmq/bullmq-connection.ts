import { once } from 'node:events';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { FlowProducer, Processor, Queue, QueueEvents, QueueEventsProducer, Worker, WorkerOptions } from 'bullmq';
import type { Redis, RedisOptions } from 'ioredis';
import { isInTime } from '../in-time.ts';
import { BullMqTasksOptions, isPostgres, workerDefaults, type BullMqWorkerOptions } from './bullmq-tasks.options.ts';
import { BULLMQ, type BullMq } from './load-bullmq.ts';
import { storeIsAway } from '../messages.ts';
import { stackOf } from '../errors/describe.ts';
import { safeBackend } from './postgres-backend.ts';

/** ms after which a store that is away is tried again. */
const RECONNECT = 500;

interface PostgresOptions {
  connectionString: string;
  schema: string;
  connectionTimeoutMillis: number;
  query_timeout: number;
}

/** ms for all to close. */
const CLOSE_TIMEOUT = 5_000;

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
  #producer?: Redis;
  #warnedAt = -Infinity;

  constructor(
    @Inject(BULLMQ) private readonly bullmq: BullMq,
    @Inject(BullMqTasksOptions) private readonly options: BullMqTasksOptions,
  ) {}

  get unrecoverable(): BullMq['UnrecoverableError'] {
    return this.bullmq.UnrecoverableError;
  }

  get waiting(): BullMq['WaitingError'] {
    return this.bullmq.WaitingError;
  }

  /** Once, before anything else. */
  async prepare(): Promise<void> {
    if (!isPostgres(this.options)) {
      const { Redis } = await import('ioredis');
      // One for all that adds. It fails at once while the store is away: somebody waits for an answer.
      const { connection, enqueueTimeout } = this.options;
      const { url, ...others } = { url: '', ...this.#redis } as RedisOptions & { url: string };
      const options = { ...others, enableOfflineQueue: false, maxRetriesPerRequest: 0, commandTimeout: enqueueTimeout };
      this.#producer = typeof connection === 'string' ? new Redis(url, options) : new Redis(options);
      this.#producer.on('error', (error) => this.#warn(error));
      // A store that is away when the application starts doesn't keep it from starting.
      await isInTime(once(this.#producer, 'ready'), this.options.enqueueTimeout).catch((error: Error) =>
        this.#warn(error),
      );
      return;
    }
    const { default: pg } = await import('pg');
    const { connectionString, schema } = this.#postgres(RECONNECT);
    const client = new pg.Client({ connectionString });
    await client.connect();
    try {
      await this.bullmq.runMigrations(client, schema);
    } finally {
      await client.end();
    }
  }

  queue(name: string): Queue {
    const { Queue } = this.bullmq;
    return this.#opened(new Queue(name, this.#producing, ...this.#backend));
  }

  flows(): FlowProducer {
    const { FlowProducer } = this.bullmq;
    return this.#opened(new FlowProducer(this.#producing, ...this.#backend));
  }

  worker(name: string, processor: Processor, options: BullMqWorkerOptions): Worker {
    const { Worker } = this.bullmq;
    const all = { ...this.#consuming, ...workerDefaults, ...options, autorun: false };
    return this.#opened(new Worker(name, processor, all, ...this.#backend));
  }

  /** What is said to all processes that take jobs of a queue. */
  events(name: string): QueueEvents {
    const { QueueEvents } = this.bullmq;
    return this.#opened(new QueueEvents(name, this.#consuming, ...this.#backend));
  }

  eventsProducer(name: string): QueueEventsProducer {
    const { QueueEventsProducer } = this.bullmq;
    return this.#opened(new QueueEventsProducer(name, this.#producing, ...this.#backend));
  }

  /** Waits for what is at work, and not for ever: BullMQ can wait for a connection that it closes itself. */
  async close(): Promise<void> {
    const closed = Promise.all(Array.from(this.#open, (it) => it.close()));
    if (!(await isInTime(closed, CLOSE_TIMEOUT))) {
      closed.catch((error: unknown) => this.#logger.warn(storeIsAway(), stackOf(error)));
      await Promise.all(Array.from(this.#open, async (it) => it.disconnect?.()));
    }
    this.#producer?.disconnect();
  }

  #opened<T>(opened: T): T {
    this.#open.add(opened as Closing);
    (opened as Closing).on('error', (error) => this.#warn(error));
    return opened;
  }

  /** Each connection tells of the same outage, again and again. */
  #warn(error: Error): void {
    if (performance.now() - this.#warnedAt > 10_000) {
      this.#warnedAt = performance.now();
      this.#logger.warn(storeIsAway(), stackOf(error));
    }
  }

  get #producing(): never {
    const { prefix, enqueueTimeout } = this.options;
    return (
      isPostgres(this.options)
        ? { connection: this.#postgres(enqueueTimeout) }
        : { prefix, skipVersionCheck: true, connection: this.#producer }
    ) as never;
  }

  // Waits for it, for as long as it takes.
  get #consuming(): WorkerOptions {
    const { prefix } = this.options;
    return isPostgres(this.options)
      ? { connection: this.#postgres(30_000) }
      : { prefix, skipVersionCheck: true, connection: { ...this.#redis, maxRetriesPerRequest: null } };
  }

  get #redis(): object {
    const { connection } = this.options;
    return {
      ...(typeof connection === 'string' ? { url: connection } : connection),
      retryStrategy: () => RECONNECT,
    };
  }

  #postgres(timeout: number): PostgresOptions {
    const { connection, prefix } = this.options;
    return {
      schema: prefix,
      ...(typeof connection === 'string'
        ? { connectionString: connection }
        : (connection as { connectionString: string })),
      connectionTimeoutMillis: timeout,
      query_timeout: timeout,
    };
  }

  get #backend(): [] {
    return (isPostgres(this.options) ? [safeBackend(this.bullmq)] : []) as unknown as [];
  }
}
