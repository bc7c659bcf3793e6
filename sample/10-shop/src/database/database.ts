import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core';

/** The token by which services inject the database: `@Inject(DATABASE) private readonly db: Database`. */
export const DATABASE = Symbol('DATABASE');

/** Drizzle, on Postgres or on PGlite: the code of the shop is the same. */
export type Database = PgDatabase<PgQueryResultHKT>;
