/**
 * SQLSTATEs of a server that can't do now what it can do later:
 *
 * - it shuts down or starts (57P01 to 57P03), or it is a standby (25006);
 * - the connection broke (08);
 * - no connection, memory or disk is free (53), or the disk fails (58030);
 * - another transaction is in the way (40001, 40P01, and 55P03 by lock_timeout);
 * - a limit of time has ended the statement or the session (57014, 57P05, 25P03, 25P04).
 */
const NOT_NOW = /^(57P0[1235]|57014|08|53|58030|25006|25P0[34]|40001|40P01|55P03)/;

/** SQLSTATEs of a table, function or schema that is not there. */
const GONE = /^(42P01|42883|3F000)/;

/** The text of PgBouncer, which has one code for all of its errors. */
const POOLER = /unsupported startup parameter/;

/**
 * Node's codes for a broken or refused connection, and pg's texts, which come without a code. In brianc/node-postgres they are
 * in `packages/pg/lib/client.js` and `packages/pg-pool/index.js`.
 */
const UNREACHABLE =
  /Connection terminated|ECONNRESET|EPIPE|ETIMEDOUT|E(HOST|NET)UNREACH|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|Query read timeout|timeout exceeded when trying to connect|timeout expired|not queryable/;

/** Whether Postgres refused for now: the same query can succeed later. */
export function isPostgresNotNow(error: unknown): boolean {
  const { code = '', message = '' } = error as { code?: string; message?: string };
  return NOT_NOW.test(code) || UNREACHABLE.test(`${code} ${message}`);
}

/** Whether somebody has removed the schema, or the database came back without it. */
export function isSchemaGone(error: unknown): boolean {
  const { code = '', name = '' } = error as { code?: string; name?: string };
  return GONE.test(code) || name === 'SchemaMigrationRequiredError';
}

/** Whether a pooler between this process and Postgres refused the options of the connection. */
export function isPoolerRefusal(error: unknown): boolean {
  return POOLER.test((error as Error).message);
}
