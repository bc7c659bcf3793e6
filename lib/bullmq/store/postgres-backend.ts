import type { BackendFactory } from 'bullmq';
import type { BullMq } from './store-packages.ts';

/** The parts of BullMQ's backend that `safeBackend` changes. */
interface Backend {
  connection: {
    pool: { query(...args: unknown[]): Promise<unknown> };
    bootstrap(): Promise<unknown>;
    readyPromise: unknown;
  };
  readyPromise: unknown;
  addFlow(entries: unknown): Promise<[Error | null, unknown][]>;
  retryFinishedJob(job: { id: string; queueName: string }, ...others: unknown[]): Promise<unknown>;
  updateJobSchedulerNextMillis(id: string, nextMillis: number, data: string, ...others: unknown[]): Promise<unknown>;
}

/** SQLSTATEs of a server that shuts down, starts, has no free connection, or is a standby. */
const UNAVAILABLE = /^(57P0[123]|08|53300|25006)/;

/**
 * Node's codes for a broken or refused connection, and pg's texts, which come without a code. In brianc/node-postgres they are
 * in `packages/pg/lib/client.js` and `packages/pg-pool/index.js`.
 */
const UNREACHABLE =
  /Connection terminated|ECONNRESET|EPIPE|ETIMEDOUT|E(HOST|NET)UNREACH|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|Query read timeout|timeout exceeded when trying to connect|timeout expired/;

/** Whether the server was unavailable, so that the same query can succeed later. */
export function isUnavailable(error: unknown): boolean {
  const { code = '', message = '' } = error as { code?: string; message?: string };
  return UNAVAILABLE.test(code) || UNREACHABLE.test(`${code} ${message}`);
}

/** When two steps of a group fail, the second one notes its failure in a job that has failed already. */
const FORGET_FAILED_STEP = `UPDATE job SET deferred_failure = NULL WHERE queue = $1 AND id = $2 AND state = 'failed'`;

/**
 * BullMQ's backend for Postgres without five of its faults. It never recovers when the server is unavailable at its first
 * request. It fails a job when the connection breaks at the job's end. It hides the errors of a bulk add. A job of a group
 * fails again right after a retry if two steps had failed. And it copies the data of each run of a schedule into all later
 * runs: a cancelled run would cancel others.
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
        // A code that BullMQ retries.
        throw isUnavailable(error) ? Object.assign(error as object, { code: 'ECONNREFUSED' }) : error;
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
    const retryFinishedJob = backend.retryFinishedJob.bind(backend);
    backend.retryFinishedJob = async (job, ...others) => {
      await pool.query(FORGET_FAILED_STEP, [job.queueName, job.id]);
      return retryFinishedJob(job, ...others);
    };
    const updateJobSchedulerNextMillis = backend.updateJobSchedulerNextMillis.bind(backend);
    backend.updateJobSchedulerNextMillis = (id, nextMillis, _data, ...others) =>
      updateJobSchedulerNextMillis(id, nextMillis, '{}', ...others);
    return made;
  }) as unknown as BackendFactory;
}
