import { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PgliteClient, PglitePool } from '../../lib/bullmq/store/pglite/pglite-pool.ts';
import { PgliteSession } from '../../lib/bullmq/store/pglite/pglite-session.ts';

let session: PgliteSession;
let pool: PglitePool;

beforeAll(async () => {
  session = new PgliteSession(await PGlite.create());
  pool = new PglitePool(async () => session);
  await pool.query('CREATE TABLE note (text text)');
}, 120_000);

afterAll(() => session.close());

const notes = async () => (await pool.query('SELECT text FROM note ORDER BY text')).rows;

test('other queries wait for the end of a transaction, with and without an error', async () => {
  const one = await pool.connect();
  const order: string[] = [];
  await one.query('BEGIN');
  const waiting = pool.query('INSERT INTO note VALUES ($1)', ['of the pool']).then(() => order.push('of the pool'));
  await one.query('INSERT INTO note VALUES ($1)', ['rolled back']);
  await expect(one.query('SELECT * FROM nothing')).rejects.toMatchObject({ code: '42P01' });
  await one.query('ROLLBACK');
  order.push('rolled back');
  await waiting;
  expect(order).toEqual(['rolled back', 'of the pool']);

  await one.query('BEGIN');
  const read = notes();
  await one.query('INSERT INTO note VALUES ($1)', ['committed']);
  await one.query('COMMIT');
  expect(await read).toEqual([{ text: 'committed' }, { text: 'of the pool' }]);
  one.release();
});

test('a client gets notifications until it is released', async () => {
  const client = await pool.connect();
  const heard: unknown[] = [];
  client.on('notification', (it) => heard.push(it));
  await client.query('-- The comments of BullMQ.\nLISTEN news;\n');
  await pool.query(`SELECT pg_notify('news', $1)`, ['first']);
  await expect.poll(() => heard).toEqual([{ channel: 'news', payload: 'first' }]);
  client.release();
  await pool.query(`SELECT pg_notify('news', $1)`, ['second']);
  const later = new PgliteClient(session);
  const last = new Promise((resolve) => later.on('notification', resolve));
  await pool.query(`SELECT pg_notify('news', $1)`, ['third']);
  expect(await last).toEqual({ channel: 'news', payload: 'third' });
  expect(heard).toHaveLength(1);
  later.release();
});
