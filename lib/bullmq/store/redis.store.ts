import { once } from 'node:events';
import type { QueueOptions, RedisOptions, WorkerOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import { isError } from '../../util/inspect.ts';
import type { BullMqTasksOptions } from '../bullmq-tasks.options.ts';
import { isReadOnly, isRedisNotNow, isRedisRefusal } from './redis-errors.ts';
import { RECONNECT, type Store } from './store.ts';

/**
 * Redis. The connections are new ones, also where a client is given: those that enqueue fail fast, and those of workers wait.
 */
export class RedisStore implements Store {
  readonly backend = undefined;
  readonly isBulkAtomic = false;
  readonly isEmbedded = false;
  readonly isNotNow = isRedisNotNow;
  /** Shared by everything that enqueues. */
  readonly #producer: Redis;
  #isClosed = false;

  constructor(
    redis: typeof Redis,
    private readonly options: BullMqTasksOptions,
    onError: (error: Error) => void,
  ) {
    const { url, ...others } = this.#connection;
    const all = {
      ...others,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      commandTimeout: options.enqueueTimeout,
    } as object;
    this.#producer = connect(redis, url, all);
    this.#producer.on('error', onError);
  }

  get producing(): QueueOptions {
    return { ...this.#with(this.#producer), skipVersionCheck: true };
  }

  // With BullMQ's version check: without it, BullMQ waits for whole seconds, because an old Redis can't wait for less.
  get consuming(): WorkerOptions {
    return this.#with({ ...this.#connection, maxRetriesPerRequest: null });
  }

  async prepare(): Promise<void> {
    while (this.#producer.status !== 'ready' && !this.#isClosed) {
      await once(this.#producer, 'ready').catch((error: Error) => {
        if (isRedisRefusal(error)) {
          throw withoutPassword(error);
        }
      });
    }
  }

  noticeRefusal(error: Error): void {
    if (isReadOnly(error) && this.#producer.status === 'ready') {
      this.#producer.disconnect(true);
    }
  }

  giveUp(): void {
    this.#isClosed = true;
  }

  close(): void {
    this.#producer.disconnect();
  }

  get #connection(): RedisOptions & { url?: string } {
    const connection = this.options.connection as string | RedisOptions | Redis;
    const own = {
      retryStrategy: () => (this.#isClosed ? null : RECONNECT),
      // After a failover, the address leads to the new primary, but only new connections do.
      reconnectOnError: isReadOnly,
    };
    if (typeof connection === 'string') {
      return { url: connection, ...own };
    }
    return { ...('duplicate' in connection ? connection.options : connection), ...own } as RedisOptions;
  }

  #with(connection: RedisOptions): QueueOptions & WorkerOptions {
    return { prefix: this.options.prefix, connection };
  }
}

/** ioredis takes a URL as an argument of its own; BullMQ takes it among the options. */
function connect(redis: typeof Redis, url: string | undefined, options: object): Redis {
  try {
    return url === undefined ? new redis(options) : new redis(url, options);
  } catch (error) {
    throw withoutPassword(error);
  }
}

/**
 * ioredis attaches the failed command to the error: for AUTH and HELLO, its arguments hold the password. Node attaches a URL
 * that it can't parse.
 */
function withoutPassword(error: unknown): unknown {
  if (isError(error)) {
    for (const property of ['command', 'input']) {
      Reflect.deleteProperty(error, property);
    }
  }
  return error;
}
