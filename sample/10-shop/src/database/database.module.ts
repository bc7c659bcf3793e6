import { mkdir } from 'node:fs/promises';
import { Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { drizzle as onPostgres } from 'drizzle-orm/node-postgres';
import { drizzle as onPglite } from 'drizzle-orm/pglite';
import { databaseUrl, dataFolder } from '../parts.ts';
import { createTables } from './create-tables.ts';
import { DATABASE } from './database.ts';

async function openDatabase() {
  if (dataFolder) {
    await mkdir(dataFolder, { recursive: true });
  }
  const db = databaseUrl ? onPostgres(databaseUrl) : onPglite({ connection: { dataDir: dataFolder } });
  await createTables(db);
  return db;
}

@Global()
@Module({ providers: [{ provide: DATABASE, useFactory: openDatabase }], exports: [DATABASE] })
export class DatabaseModule implements OnApplicationShutdown {
  constructor(@Inject(DATABASE) private readonly db: Awaited<ReturnType<typeof openDatabase>>) {}

  /** The tasks of the shop have ended by then. */
  async onApplicationShutdown(): Promise<void> {
    const { $client } = this.db;
    await ('close' in $client ? $client.close() : $client.end());
  }
}
