import { once } from 'node:events';
import type { QueueOptions, RedisOptions, WorkerOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import type { BullMqTasksOptions } from '../bullmq-tasks.options.ts';
import { RECONNECT, type Store } from './store.ts';

/** Will not become better by waiting. */
const REFUSED = /^(WRONGPASS|NOAUTH|NOPERM|ERR AUTH|ERR invalid DB)/;

/** Redis, by connections of our own: ours are to fail, or to wait, in other ways than one that is given. */
export class RedisStore implements Store {
  readonly backend = undefined;
  readonly isBulkAtomic = false;
  readonly isEmbedded = false;
  /** One for all that adds. */
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
    // BullMQ knows a url among the options, ioredis does not.
    this.#producer = url === undefined ? new redis(all) : new redis(url, all);
    this.#producer.on('error', onError);
  }

  get producing(): QueueOptions {
    return { ...this.#with(this.#producer), skipVersionCheck: true };
  }

  // With its look at the version: without, BullMQ waits for whole seconds, as for a Redis of old.
  get consuming(): WorkerOptions {
    return this.#with({ ...this.#connection, maxRetriesPerRequest: null });
  }

  async prepare(): Promise<void> {
    while (this.#producer.status !== 'ready' && !this.#isClosed) {
      await once(this.#producer, 'ready').catch((error: Error) => {
        if (REFUSED.test(error.message)) {
          throw error;
        }
      });
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
    const own = { retryStrategy: () => (this.#isClosed ? null : RECONNECT) };
    if (typeof connection === 'string') {
      return { url: connection, ...own };
    }
    return { ...('duplicate' in connection ? connection.options : connection), ...own } as RedisOptions;
  }

  #with(connection: RedisOptions): QueueOptions & WorkerOptions {
    return { prefix: this.options.prefix, connection };
  }
}
