/**
 * SQLSTATEs of a server that can't do now what it can do later: it shuts down or starts (57P01 to 57P03), the connection broke
 * (08), no connection, memory or disk is free (53), it is a standby (25006), or another transaction is in the way (40001 and
 * 40P01, 55P03 by lock_timeout, 57014 by statement_timeout or an administrator).
 */
const NOT_NOW = /^(57P0[123]|57014|08|53|25006|40001|40P01|55P03)/;

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
