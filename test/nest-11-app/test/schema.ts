import { randomUUID } from 'crypto';
import { Client } from 'pg';

/** Makes a schema for one file of tests: its name, and how to remove it. */
export async function createSchema() {
  const name = `nest_11_app_${randomUUID().slice(0, 8)}`;
  const query = async (statement: string) => {
    const client = new Client(process.env.DATABASE_URL);
    await client.connect();
    await client.query(statement);
    await client.end();
  };
  await query(`create schema ${name}`);
  return { name, remove: () => query(`drop schema ${name} cascade`) };
}
