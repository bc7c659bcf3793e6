/**
 * Errors of Redis that a retry does not solve. A reply of Redis begins with its code: see `src/acl.c`, `src/server.c` and
 * `src/db.c` of redis/redis.
 */
const REFUSED = /^(WRONGPASS|NOAUTH|NOPERM|ERR AUTH|ERR (invalid )?DB)/;

/**
 * Replies of a server that can't do now what it can do later. Before Redis 7, the code of a script's error stands behind the name
 * of the script.
 */
const NOT_NOW = /(^|[\s-])(READONLY|LOADING|MASTERDOWN|OOM|BUSY|TRYAGAIN|CLUSTERDOWN|NOREPLICAS|MISCONF|UNBLOCKED)\s/;

/** The errors of Node and of redis/ioredis (`lib/Redis.ts`, `lib/errors`) for a connection that is broken or not there. */
const UNREACHABLE =
  /ECONNRESET|EPIPE|ETIMEDOUT|E(HOST|NET)UNREACH|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|Connection is closed|Command timed out|Stream isn't writeable|Reached the max retries per request|Command aborted due to connection close/;

/** Whether Redis refused this connection or command for good. */
export function isRedisRefusal(error: unknown): boolean {
  return REFUSED.test((error as Error).message);
}

/** Whether Redis refused for now: the same command can succeed later. */
export function isRedisNotNow(error: unknown): boolean {
  const { code = '', message = '' } = error as { code?: unknown; message?: string };
  return NOT_NOW.test(message) || UNREACHABLE.test(`${String(code)} ${message}`);
}

/** Whether the server is a replica now. A new connection can lead to the primary. */
export function isReadOnly(error: unknown): boolean {
  return /(^|[\s-])READONLY\s/.test((error as Error).message);
}

/**
 * Whether a transaction failed because the server does not have a script, or never got it. ioredis (`lib/Script.ts`) sends a
 * script once for each connection, and does not see the failure: every later transaction would fail too.
 */
export function isScriptMissing(error: unknown): boolean {
  return /^(NOSCRIPT|EXECABORT)\s/.test((error as Error).message);
}
