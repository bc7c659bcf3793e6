import { once } from 'node:events';
import type { Queue, QueueOptions, RedisOptions, Worker, WorkerOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import { InvalidOptionError } from '../../errors/task.errors.ts';
import { isError } from '../../util/inspect.ts';
import { retryUntil } from '../../util/retry-until.ts';
import type { BullMqTasksOptions } from '../bullmq-tasks.options.ts';
import { unreadableUrl } from '../bullmq.messages.ts';
import { makeBulkAtomic } from './atomic-bulk.ts';
import { limitCommands } from './command-limit.ts';
import { isReadOnly, isRedisNotNow, isRedisRefusal, isScriptMissing } from './redis-errors.ts';
import { checkRedisOptions } from './redis-options.ts';
import { forbiddenCommands } from './redis-permissions.ts';
import { RECONNECT, type Store } from './store.ts';
import { type CommandSender, writeTogether } from './write-together.ts';

/** Options of ioredis for a connection whose commands block, or wait for the server to come back. */
const WAITING = {
  maxRetriesPerRequest: null,
  enableOfflineQueue: true,
  autoResendUnfulfilledCommands: true,
  enableAutoPipelining: false,
  commandTimeout: undefined,
  socketTimeout: undefined,
  blockingTimeout: undefined,
  lazyConnect: false,
};

/**
 * Redis. Opens connections of its own, also when it is given a client: those that enqueue fail fast, and those of workers wait.
 */
export class RedisStore implements Store {
  readonly backend = undefined;
  readonly hasTransactions = false;
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
    checkRedisOptions(options);
    const { url, ...others } = this.#connection;
    const all = {
      ...others,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      // In its place: `limitCommands`.
      commandTimeout: undefined,
      // A start that fails before `prepare` leaves no connection open.
      lazyConnect: true,
    } as object;
    this.#producer = connect(redis, url, all);
    this.#producer.on('error', onError);
    writeTogether(this.#producer);
    limitCommands(this.#producer, options.enqueueTimeout);
  }

  get producing(): QueueOptions {
    return { ...this.#with(this.#producer), skipVersionCheck: true };
  }

  // With BullMQ's version check: without it, BullMQ waits for whole seconds, because an old Redis can't wait for less.
  get consuming(): WorkerOptions {
    return this.#with({ ...this.#connection, ...WAITING });
  }

  makeBulkAtomic(queue: Queue): void {
    makeBulkAtomic(queue, (error) => this.noticeRefusal(error));
  }

  tune(worker: Worker): void {
    // It rejects if the worker is closed before it has a client.
    const { client } = worker.backend as unknown as { readonly client: Promise<CommandSender> };
    client.then(writeTogether, () => undefined);
  }

  async prepare(): Promise<void> {
    await retryUntil(() => this.#tryToReach(), { delay: RECONNECT, shouldStop: () => this.#isClosed, unref: true });
  }

  noticeRefusal(error: Error): void {
    if ((isReadOnly(error) || isScriptMissing(error)) && this.#producer.status === 'ready') {
      this.#producer.disconnect(true);
    }
  }

  giveUp(): void {
    this.#isClosed = true;
  }

  close(): void {
    this.#producer.disconnect();
  }

  /** @returns `undefined` while the server is unavailable */
  async #tryToReach(): Promise<true | undefined> {
    const producer = this.#producer;
    try {
      if (producer.status === 'wait') {
        await producer.connect();
      } else if (producer.status !== 'ready') {
        await once(producer, 'ready');
      }
      const { db = 0 } = producer.options;
      // ioredis goes on with database 0 when the server refuses another one.
      await (db !== 0 && producer.select(db));
      const { prefix, worker } = this.options;
      const forbidden = await forbiddenCommands(producer, prefix, worker !== false);
      if (forbidden.length > 0) {
        throw new Error(`NOPERM the user may not run ${forbidden.join(', ')} with keys that begin with '${prefix}:'`);
      }
      return true;
    } catch (error) {
      if (isRedisRefusal(error)) {
        throw withoutPassword(error);
      }
      return undefined;
    }
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
  } catch {
    // The error holds the URL, with its password.
    throw new InvalidOptionError(unreadableUrl('redis://user:password@host:6379/0'));
  }
}

/**
 * ioredis attaches the failed command to the error: for AUTH and HELLO, its arguments hold the password.
 */
function withoutPassword(error: unknown): unknown {
  if (isError(error)) {
    Reflect.deleteProperty(error, 'command');
  }
  return error;
}
