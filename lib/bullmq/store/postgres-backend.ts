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

/** SQLSTATEs of a server that ends, begins, has no connection left, or is a standby for now. */
const AWAY = /^(57P0[123]|08|53300|25006)/;

/** Codes and messages of what is on the way to it. */
const UNREACHABLE =
  /Connection terminated|ECONNRESET|EPIPE|ETIMEDOUT|E(HOST|NET)UNREACH|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|Query read timeout|timeout exceeded when trying to connect|timeout expired/;

/** Whether it says nothing of the query itself, which is worth another try. */
export function isAway(error: unknown): boolean {
  const { code = '', message = '' } = error as { code?: string; message?: string };
  return AWAY.test(code) || UNREACHABLE.test(`${code} ${message}`);
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
        throw isAway(error) ? Object.assign(error as object, { code: 'ECONNREFUSED' }) : error;
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
