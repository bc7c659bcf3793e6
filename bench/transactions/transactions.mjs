// Orders and their tasks in one transaction: half of the transactions roll back, and the worker is killed twice.
// node transactions.mjs [TRANSACTIONS] [KILLS]
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { TaskRunner } from 'nestjs-background-tasks';
import { pgClient, typeOrm } from 'nestjs-background-tasks/bullmq';
import { Client, Pool } from 'pg';
import { report } from '../figures.mjs';
import { startStore } from '../queues/store.mjs';
import { until } from '../queues/until.mjs';
import { startApplication } from './application.mjs';

const { DataSource } = createRequire(new URL('../../test/transactions/', import.meta.url))('typeorm');

const [transactions = 1_000, kills = 2] = process.argv.slice(2).map(Number);
/** How many connections the transactions share. All are started at once, and wait for one. */
const CONNECTIONS = 50;

class RolledBack extends Error {}

const libraries = {
  async pg(url) {
    const pool = new Pool({ connectionString: url, max: CONNECTIONS });
    return {
      async transaction(fn) {
        const client = await pool.connect();
        try {
          await client.query('BEGIN');
          await fn(pgClient(client));
          await client.query('COMMIT');
        } catch (error) {
          await client.query('ROLLBACK');
          throw error;
        } finally {
          client.release();
        }
      },
      close: () => pool.end(),
    };
  },

  async TypeORM(url) {
    const source = new DataSource({ type: 'postgres', url, extra: { max: CONNECTIONS } });
    await source.initialize();
    return {
      transaction: (fn) => source.transaction((manager) => fn(typeOrm(manager))),
      close: () => source.destroy(),
    };
  },
};

const store = await startStore('postgres');
const admin = new Client({ connectionString: store.url });
await admin.connect();
await admin.query('CREATE TABLE orders (id integer PRIMARY KEY)');
await admin.query('CREATE TABLE runs (id integer, saw boolean)');

async function startWorker() {
  const child = fork(fileURLToPath(new URL('application.mjs', import.meta.url)), [store.url]);
  await once(child, 'message');
  return child;
}

const { app, orders } = await startApplication(store.url, false, () => undefined);
const runner = app.get(TaskRunner);
let worker = await startWorker();
const ids = async (sql) => new Set((await admin.query(sql)).rows.map(({ id }) => id));

for (const [name, open] of Object.entries(libraries)) {
  await admin.query('TRUNCATE orders, runs');
  const library = await open(store.url);
  const ends = { committed: [], rolledBack: [] };
  const runAll = Promise.all(
    Array.from({ length: transactions }, async (_, id) => {
      let task;
      try {
        await library.transaction(async (transaction) => {
          // The task is first: a worker that saw it too early would miss the row.
          task = runner.within(transaction).start(orders, 'ship', id);
          await task.stored();
          await sleep(Math.random() * 20);
          await transaction.query('INSERT INTO orders (id) VALUES ($1)', [id]);
          if (id % 2 === 1) {
            throw new RolledBack();
          }
        });
        ends.committed.push(task);
      } catch (error) {
        if (!(error instanceof RolledBack)) {
          throw error;
        }
        ends.rolledBack.push(task);
      }
    }),
  );
  for (let kill = 1; kill <= kills; kill++) {
    const least = (kill * transactions) / 2 / (kills + 1);
    await until(async () => (await ids('SELECT id FROM runs')).size >= least, 60_000);
    worker.kill('SIGKILL');
    await once(worker, 'exit');
    worker = await startWorker();
  }
  await runAll;
  const settled = await Promise.all(ends.committed.map((task) => task.settled()));
  const undone = await Promise.all(ends.rolledBack.map((task) => task.settled()));
  const ran = await ids('SELECT id FROM runs');
  const kept = await ids('SELECT id FROM orders');
  const { rows } = await admin.query(
    'SELECT count(*)::integer AS runs, count(*) FILTER (WHERE NOT saw)::integer AS early FROM runs',
  );
  const missing = [...kept].filter((id) => !ran.has(id)).length;
  const unwanted = [...ran].filter((id) => !kept.has(id)).length;
  const notCompleted = settled.filter(({ status }) => status !== 'completed').length;
  const notSkipped = undone.filter(({ status }) => status !== 'skipped').length;

  console.log(`${name}: ${transactions} transactions at once, half of them rolled back; worker killed ${kills} times`);
  report('  committed, rolled back', `${ends.committed.length} ${ends.rolledBack.length}`);
  report('  committed tasks that did not run', missing, '0', missing === 0);
  report('  committed tasks not completed by their handle', notCompleted, '0', notCompleted === 0);
  report('  rolled-back tasks that ran', unwanted, '0', unwanted === 0);
  report('  rolled-back tasks not skipped by their handle', notSkipped, '0', notSkipped === 0);
  report('  runs that did not see the row of their order', rows[0].early, '0', rows[0].early === 0);
  report('  runs of tasks that were cut by a kill, beside', rows[0].runs - ran.size);
  await library.close();
}

// The cost of a task in the transaction, beside one that is enqueued after it. One connection, one at a time.
{
  const client = new Client({ connectionString: store.url });
  await client.connect();
  let id = transactions;
  const inside = async () => {
    await client.query('BEGIN');
    await client.query('INSERT INTO orders (id) VALUES ($1)', [id++]);
    await runner.within(pgClient(client)).start(orders, 'ship', id).stored();
    await client.query('COMMIT');
  };
  const after = async () => {
    await client.query('BEGIN');
    await client.query('INSERT INTO orders (id) VALUES ($1)', [id++]);
    await client.query('COMMIT');
    await runner.start(orders, 'ship', id).stored();
  };
  worker.kill('SIGKILL');
  await once(worker, 'exit');
  const costs = { inside: [], after: [] };
  for (let round = 0; round < 15; round++) {
    for (const [kind, run] of [
      ['inside', inside],
      ['after', after],
    ]) {
      const { user, system } = process.cpuUsage();
      const start = performance.now();
      for (let i = 0; i < 100; i++) {
        await run();
      }
      const used = process.cpuUsage({ user, system });
      costs[kind].push({ ms: performance.now() - start, time: (used.user + used.system) / 1_000 });
    }
  }
  const middle = (kind, of) => costs[kind].map((it) => it[of]).toSorted((a, b) => a - b)[7];
  const ratio = (of) => (middle('inside', of) / middle('after', of)).toFixed(2);
  report('a task in the transaction, beside one after it: time', ratio('ms'));
  report('  by processor time of this process', ratio('time'));
  await client.end();
}

await app.close();
await admin.end();
await store.stop();
