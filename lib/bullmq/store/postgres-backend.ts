import type { BackendFactory } from 'bullmq';
import { isPostgresNotNow } from './postgres-errors.ts';
import { byServerClock } from './server-clock.ts';
import type { BullMq } from './store-packages.ts';

/** The parts of BullMQ's backend that `safeBackend` changes. */
interface Backend {
  connection: {
    pool: { query(...args: unknown[]): Promise<unknown> };
    bootstrap(): Promise<unknown>;
    readyPromise: unknown;
  };
  readyPromise: unknown;
}

/**
 * BullMQ's backend for Postgres, with the server's clock for locks, and without two of its faults. It never recovers when the server is unavailable at its first
 * request. And of all errors that say "not now", it retries only a refused connection.
 */
export function safeBackend({ createPostgresBackend }: BullMq): BackendFactory {
  return ((...args: Parameters<typeof createPostgresBackend>) => {
    const made = createPostgresBackend(...args);
    const backend = made as unknown as Backend;
    const { connection } = backend;
    const { pool } = connection;
    const query = pool.query.bind(pool);
    pool.query = async (text, ...values) => {
      const [parameters] = values as [unknown[] | undefined];
      try {
        return await query(typeof text === 'string' ? byServerClock(text, parameters) : text, ...values);
      } catch (error) {
        // A code that BullMQ retries.
        throw isPostgresNotNow(error) ? Object.assign(error as object, { code: 'ECONNREFUSED' }) : error;
      }
    };
    const bootstrap = connection.bootstrap.bind(connection);
    connection.bootstrap = async () => {
      try {
        return await bootstrap();
      } catch (error) {
        connection.readyPromise = undefined;
        backend.readyPromise = undefined;
        throw error;
      }
    };
    return made;
  }) as unknown as BackendFactory;
}
