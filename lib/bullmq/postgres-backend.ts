import type { BackendFactory } from 'bullmq';
import type { BullMq } from './store-packages.ts';

/** What of BullMQ's backend has to be mended, as far as it can be from outside. */
interface Backend {
  connection: {
    pool: { query(...args: unknown[]): Promise<unknown> };
    bootstrap(): Promise<unknown>;
    readyPromise: unknown;
  };
  readyPromise: unknown;
  addFlow(entries: unknown): Promise<[Error | null, unknown][]>;
}

/** SQLSTATEs and messages of a connection that is gone. */
function isLost({ code = '', message = '' }: { code?: string; message?: string }): boolean {
  return /^(57P0[123]|08)/.test(code) || /Connection terminated|ECONNRESET|EPIPE/.test(code + message);
}

/** Whether it may be back later, and nothing is wrong with how it is asked. */
export function isAway(error: unknown): boolean {
  const { code = '', message = '' } = error as { code?: string; message?: string };
  return isLost({ code, message }) || /ECONNREFUSED|ETIMEDOUT|EHOSTUNREACH|EAI_AGAIN|timeout/.test(code + message);
}

/**
 * BullMQ's backend for Postgres, which, of a store that was away when it was first asked, says so for ever; takes a lost
 * connection for the failure of the job that was just done; and keeps errors of bulk adding to itself.
 */
export function safeBackend({ createPostgresBackend }: BullMq): BackendFactory {
  return ((...args: Parameters<typeof createPostgresBackend>) => {
    const made = createPostgresBackend(...args);
    const backend = made as unknown as Backend;
    const { connection } = backend;
    const { pool } = connection;
    const query = pool.query.bind(pool);
    pool.query = async (...sql) => {
      try {
        return await query(...sql);
      } catch (error) {
        // What BullMQ tries again.
        throw isLost(error as object) ? Object.assign(error as object, { code: 'ECONNREFUSED' }) : error;
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
    const addFlow = backend.addFlow.bind(backend);
    backend.addFlow = async (entries) => {
      const results = await addFlow(entries);
      const failed = results.find(([error]) => error);
      if (failed) {
        throw failed[0];
      }
      return results;
    };
    return made;
  }) as unknown as BackendFactory;
}
