import type { FlowProducer } from 'bullmq';
import type { BullMq } from './store-packages.ts';

/** Which server and database a statement runs on: a server that restarts has another time. */
export const SERVER_AND_DATABASE = `extract(epoch FROM pg_postmaster_start_time())::text || ' ' || current_database()`;

/** BullMQ's statement that adds jobs, and one that names the schema and also returns the transaction's id and its place. */
const ADD_FLOW = 'SELECT id FROM add_flow($1::jsonb) AS t(id)';
const addFlowIn = (schema: string) =>
  `SELECT id, pg_current_xact_id()::text AS xid, ${SERVER_AND_DATABASE} AS place FROM "${schema}".add_flow($1::jsonb) AS t(id)`;

const nothing = () => undefined;

/** Runs one statement in a transaction. */
export type RunStatement = (text: string, values: readonly unknown[]) => Promise<{ readonly rows: readonly object[] }>;

interface Backend {
  readonly connection: { readyPromise: unknown };
  readyPromise: unknown;
}

/**
 * Makes a FlowProducer whose statements run in a transaction of the application. It opens no connection.
 *
 * @param schema without quotes in it
 */
export function transactionFlows(bullmq: BullMq, schema: string, run: RunStatement): FlowProducer {
  const query = async (text: string, values: readonly unknown[]) => {
    if (!text.includes(ADD_FLOW)) {
      throw new Error('this version of bullmq adds jobs by an unknown statement');
    }
    return run(addFlowIn(schema), values);
  };
  const factory = (...args: Parameters<typeof bullmq.createPostgresBackend>) => {
    const made = bullmq.createPostgresBackend(...args);
    const backend = made as unknown as Backend;
    // Otherwise the backend would take a client of its own to look at the version of the schema.
    backend.readyPromise = backend.connection.readyPromise = Promise.resolve();
    return made;
  };
  const pool = { query, connect: nothing, end: nothing, on: nothing };
  return new bullmq.FlowProducer({ connection: pool }, ...([factory] as unknown as []));
}
