import type { BackendFactory, QueueOptions, WorkerOptions } from 'bullmq';
import type pg from 'pg';
import { InvalidOptionError } from '../../errors/task.errors.ts';
import { retryUntil } from '../../util/retry-until.ts';
import type { BullMqTasksOptions, PostgresOptions } from '../bullmq-tasks.options.ts';
import { poolerInBetween, unreadableUrl } from '../bullmq.messages.ts';
import { safeBackend } from './postgres-backend.ts';
import { isPoolerRefusal, isPostgresNotNow } from './postgres-errors.ts';
import type { BullMq, Pg } from './store-packages.ts';
import { RECONNECT, type Store } from './store.ts';

/** ms that a worker's statement may take: far more than it needs. */
const STATEMENT_TIMEOUT = 30_000;

/** Options of pg that end statements. The store sets its own limits, and a worker's connection waits for hours. */
const LIMITS = ['query_timeout', 'statement_timeout'] as const;

/** Postgres: the option `prefix` names the schema. */
export class PostgresStore implements Store {
  readonly backend: BackendFactory;
  readonly hasTransactions = true;
  readonly isEmbedded = false;
  readonly isNotNow = isPostgresNotNow;
  readonly #config: pg.PoolConfig;
  #restoring?: Promise<void> | undefined;
  #isClosed = false;

  constructor(
    private readonly bullmq: BullMq,
    private readonly pg: Pg,
    private readonly options: BullMqTasksOptions,
    private readonly onError: (error: Error) => void,
  ) {
    this.backend = safeBackend(bullmq, () => void this.#restore());
    this.#config = this.#readConfig();
    try {
      // It only parses the URL.
      void new pg.Client(this.#config);
    } catch {
      // The error holds the URL, with its password.
      throw new InvalidOptionError(unreadableUrl('postgres://user:password@host:5432/database'));
    }
  }

  get producing(): QueueOptions {
    const { enqueueTimeout } = this.options;
    // Otherwise the server would commit jobs long after the client got an error.
    return this.#within(enqueueTimeout, { statement_timeout: enqueueTimeout });
  }

  get consuming(): WorkerOptions {
    return this.#within(STATEMENT_TIMEOUT);
  }

  async prepare(): Promise<void> {
    await retryUntil(() => this.#tryToMigrate(), {
      delay: RECONNECT,
      shouldStop: () => this.#isClosed,
      unref: true,
    });
  }

  makeBulkAtomic(): void {
    // BullMQ adds them in one transaction.
  }

  tune(): void {
    // There is nothing to save: each statement is a round trip of its own.
  }

  noticeRefusal(): void {
    // The driver sees all errors.
  }

  giveUp(): void {
    this.#isClosed = true;
  }

  close(): void {
    // BullMQ closes its connections, and this class keeps none.
  }

  /** @returns `undefined` while the server is unavailable */
  async #tryToMigrate(): Promise<true | undefined> {
    try {
      await this.#migrate();
      return true;
    } catch (error) {
      if (isPoolerRefusal(error)) {
        throw new InvalidOptionError(poolerInBetween(), { cause: error });
      }
      if (!isPostgresNotNow(error)) {
        throw error;
      }
      this.onError(error as Error);
      return undefined;
    }
  }

  /** Makes the schema again. Its tasks are lost, but the application goes on without a restart. */
  #restore(): Promise<void> {
    return (this.#restoring ??= this.#isClosed
      ? Promise.resolve()
      : this.#migrate()
          .catch((error: unknown) => this.onError(error as Error))
          .finally(() => (this.#restoring = undefined)));
  }

  async #migrate(): Promise<void> {
    const { prefix: schema, enqueueTimeout } = this.options;
    const { options = '' } = this.#config;
    const client = new this.pg.Client({
      ...this.#config,
      // BullMQ's connections choose the schema like this. BullMQ refuses names that need the escapes, and says why.
      options: `${options} -c search_path="${schema.replaceAll('"', '""').replaceAll(/[\s\\]/g, '\\$&')}"`.trim(),
      connectionTimeoutMillis: enqueueTimeout,
    });
    // The query that is running rejects too; without a listener, the event would end the process.
    client.on('error', () => undefined);
    try {
      await client.connect();
      await this.bullmq.runMigrations(client, schema);
      const { rows } = await client.query<{ schema: string | null }>('SELECT current_schema() AS schema');
      if (rows[0]?.schema !== schema) {
        throw new InvalidOptionError(poolerInBetween());
      }
    } finally {
      await client.end();
    }
  }

  #within(timeout: number, others: pg.PoolConfig = {}): QueueOptions {
    const { prefix: schema } = this.options;
    return {
      connection: {
        ...this.#config,
        ...others,
        schema,
        connectionTimeoutMillis: timeout,
        query_timeout: timeout,
      },
    };
  }

  #readConfig(): pg.PoolConfig {
    const connection = this.options.connection;
    if (typeof connection === 'string') {
      return withReadQuery({ connectionString: connection });
    }
    if ('totalCount' in connection) {
      const { options } = connection as { readonly options: PostgresOptions };
      // A pool makes its password not enumerable, so the spread misses it.
      return withReadQuery({ ...options, password: options['password'] } as pg.PoolConfig);
    }
    return withReadQuery(connection as pg.PoolConfig);
  }
}

/**
 * Moves `options` from the query of the URL to the other options of pg, and drops limits of time. For pg, the query overrides
 * the options: BullMQ's schema, which it sets by `options`, would be lost.
 */
function withReadQuery(config: pg.PoolConfig): pg.PoolConfig {
  const [url, query] = config.connectionString?.split(/\?(.*)/s) ?? [];
  const parameters = new URLSearchParams(query);
  const options = [config.options, ...parameters.getAll('options')].filter((it) => it !== undefined && it !== '');
  for (const name of ['options', ...LIMITS]) {
    parameters.delete(name);
  }
  return {
    ...config,
    ...(url !== undefined && { connectionString: parameters.size > 0 ? `${url}?${parameters.toString()}` : url }),
    ...(options.length > 0 && { options: options.join(' ') }),
    ...Object.fromEntries(LIMITS.map((name) => [name, undefined])),
  };
}
