import type { BackendFactory } from 'bullmq';
import { oneScheduleChange } from './one-schedule-change.ts';
import { isPostgresNotNow, isSchemaGone } from './postgres-errors.ts';
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
  retryFinishedJob(job: { id: string; queueName: string }, ...others: unknown[]): Promise<unknown>;
  updateJobSchedulerNextMillis(id: string, nextMillis: number, data: string, ...others: unknown[]): Promise<unknown>;
  moveToDelayed(id: string, now: number, delay: number, token: string, options?: object): Promise<unknown>;
}

/** When two steps of a group fail, the second one notes its failure in a job that has failed already. */
const FORGET_FAILED_STEP = `UPDATE job SET deferred_failure = NULL WHERE queue = $1 AND id = $2 AND state = 'failed'`;

/**
 * Makes BullMQ's backend for Postgres, with the server's clock for locks. It mends six faults of BullMQ's own backend:
 *
 * - it never recovers when the server is unavailable at its first request;
 * - it retries only a refused connection, and no other error that says "not now";
 * - a job of a group fails again right after a retry if two steps had failed;
 * - it copies the data of each run of a schedule into all later runs: a cancelled run would cancel others;
 * - processes that change one schedule at once can end it;
 * - when a job is delayed, it claims the next one in a second statement: a refused claim would look as if the job had not
 *   been delayed.
 *
 * @param onSchemaGone called when the server does not have the schema of the queues any more
 */
export function safeBackend({ createPostgresBackend }: BullMq, onSchemaGone: () => void): BackendFactory {
  return ((...args: Parameters<typeof createPostgresBackend>) => {
    const made = createPostgresBackend(...args);
    const backend = made as unknown as Backend;
    const { connection } = backend;
    const { pool } = connection;
    const query = pool.query.bind(pool);
    pool.query = async (text, ...values) => {
      const [parameters] = values as [unknown[] | undefined];
      try {
        return await query(
          typeof text === 'string' ? byServerClock(oneScheduleChange(text), parameters) : text,
          ...values,
        );
      } catch (error) {
        const isGone = isSchemaGone(error);
        if (isGone) {
          onSchemaGone();
        }
        // A code that BullMQ retries.
        throw isGone || isPostgresNotNow(error) ? Object.assign(error as object, { code: 'ECONNREFUSED' }) : error;
      }
    };
    const bootstrap = connection.bootstrap.bind(connection);
    connection.bootstrap = async () => {
      try {
        return await bootstrap();
      } catch (error) {
        connection.readyPromise = undefined;
        backend.readyPromise = undefined;
        if (isSchemaGone(error)) {
          onSchemaGone();
        }
        throw error;
      }
    };
    const retryFinishedJob = backend.retryFinishedJob.bind(backend);
    backend.retryFinishedJob = async (job, ...others) => {
      await pool.query(FORGET_FAILED_STEP, [job.queueName, job.id]);
      return retryFinishedJob(job, ...others);
    };
    const updateJobSchedulerNextMillis = backend.updateJobSchedulerNextMillis.bind(backend);
    backend.updateJobSchedulerNextMillis = (id, nextMillis, _data, ...others) =>
      updateJobSchedulerNextMillis(id, nextMillis, '{}', ...others);
    const moveToDelayed = backend.moveToDelayed.bind(backend);
    backend.moveToDelayed = (id, now, delay, token, options) =>
      moveToDelayed(id, now, delay, token, { ...options, fetchNext: false });
    return made;
  }) as unknown as BackendFactory;
}
