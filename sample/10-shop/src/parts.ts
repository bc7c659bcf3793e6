import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** Each part has a default inside of this process. A variable of the environment replaces it by a server. */
const { DATABASE_URL, REDIS_URL, SMTP_URL, CHAT_URL, DATA, TASKS_PREFIX } = process.env;

/** A folder for what outlives a restart. Without it, all of it is in memory, and reports are temporary files. */
const folder = DATA === undefined ? undefined : resolve(DATA);

export const databaseUrl = DATABASE_URL;
export const redisUrl = REDIS_URL;
export const smtpUrl = SMTP_URL;
export const chatUrl = CHAT_URL;

/** Where PGlite keeps the data of the shop; `undefined`: in memory. */
export const dataFolder = folder && join(folder, 'shop');

export const reportsFolder = join(folder ?? tmpdir(), 'shop-reports');

/** Postgres is best for the queue: a task can commit with the order that it is about. */
export const queueUrl = DATABASE_URL ?? REDIS_URL ?? `pglite:${folder ? join(folder, 'queue') : ''}`;

/** All keys of the queue in Redis begin with it; in Postgres and PGlite it is a schema. */
export const queuePrefix = TASKS_PREFIX ?? 'shop_tasks';

const pglite = folder ? 'PGlite, in a folder' : 'PGlite, in this process';

/** What the page says. */
export const parts = {
  queue: DATABASE_URL ? 'Postgres' : REDIS_URL ? 'Redis' : pglite,
  database: DATABASE_URL ? 'Postgres' : pglite,
  cache: REDIS_URL ? 'Redis' : 'memory',
  email: SMTP_URL ? 'SMTP server' : 'embedded mailbox',
  chat: CHAT_URL ? 'webhook' : 'embedded room',
};
