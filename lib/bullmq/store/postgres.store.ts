import { setTimeout } from 'node:timers/promises';
import type { BackendFactory, QueueOptions, WorkerOptions } from 'bullmq';
import type pg from 'pg';
import type { BullMqTasksOptions, PostgresOptions } from '../bullmq-tasks.options.ts';
import { isAway, safeBackend } from './postgres-backend.ts';
import type { BullMq } from './store-packages.ts';
import { RECONNECT, type Store } from './store.ts';

/** ms that a statement for a worker may take: more than any should. */
const PATIENCE = 30_000;

/** Postgres, in a schema of its own. */
export class PostgresStore implements Store {
  readonly backend: BackendFactory;
  readonly isBulkAtomic = true;
  readonly isEmbedded = false;
  #isClosed = false;

  constructor(
    private readonly bullmq: BullMq,
    private readonly pg: typeof import('pg').default,
    private readonly options: BullMqTasksOptions,
    private readonly onError: (error: Error) => void,
  ) {
    this.backend = safeBackend(bullmq);
  }

  get producing(): QueueOptions {
    return this.#within(this.options.enqueueTimeout);
  }

  get consuming(): WorkerOptions {
    return this.#within(PATIENCE);
  }

  async prepare(): Promise<void> {
    while (!this.#isClosed) {
      try {
        return await this.#migrate();
      } catch (error) {
        if (!isAway(error)) {
          throw error;
        }
        this.onError(error as Error);
        await setTimeout(RECONNECT, undefined, { ref: false });
      }
    }
  }

  giveUp(): void {
    this.#isClosed = true;
  }

  close(): void {
    // All connections are BullMQ's.
  }

  async #migrate(): Promise<void> {
    const client = new this.pg.Client({ ...this.#config, connectionTimeoutMillis: this.options.enqueueTimeout });
    // Of one that breaks later, those know who use it.
    client.on('error', () => undefined);
    try {
      await client.connect();
      await this.bullmq.runMigrations(client, this.options.prefix);
    } finally {
      await client.end();
    }
  }

  #within(timeout: number): QueueOptions {
    const { prefix: schema } = this.options;
    return {
      connection: {
        ...this.#config,
        schema,
        connectionTimeoutMillis: timeout,
        query_timeout: timeout,
      },
    };
  }

  get #config(): pg.PoolConfig {
    const connection = this.options.connection;
    if (typeof connection === 'string') {
      return { connectionString: connection };
    }
    if ('totalCount' in connection) {
      const { options } = connection as { readonly options: PostgresOptions };
      // Which a pool hides from those who copy.
      return { ...options, password: options['password'] } as pg.PoolConfig;
    }
    return connection as pg.PoolConfig;
  }
}
