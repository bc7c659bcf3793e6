import { setTimeout } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Client } from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { Task } from 'nestjs-background-tasks';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import type { BullMqQueues } from '../../lib/bullmq/queues/bullmq-queues.ts';
import { UnconfirmedJobs } from '../../lib/bullmq/queues/unconfirmed-jobs.ts';
import { BullMqConnection } from '../../lib/bullmq/store/bullmq-connection.ts';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { startApp } from '../fixtures/start-app.ts';

@Injectable()
class Work {
  @Task({ queue: 'work' })
  run() {}
}

stopStores();

const postgresUrl = stores.find(({ name }) => name === 'Postgres')?.connection;

test.runIf(postgresUrl)('Postgres commits no job after the application has given it up', async () => {
  const prefix = ownPrefix();
  const { app, runner } = await startApp({
    imports: [BullMqTasksModule.forRoot({ connection: postgresUrl!, prefix, worker: false, enqueueTimeout: 500 })],
    providers: [Work],
  });
  // On a busy machine, the application starts before the tables are made.
  await app.get(BullMqConnection, { strict: false }).ready;
  const client = new Client({ connectionString: postgresUrl });
  await client.connect();
  onTestFinished(() => client.end());
  // An added job waits for this lock, and a removal does not.
  await client.query(`
    CREATE FUNCTION "${prefix}".wait() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_advisory_xact_lock(hashtext('${prefix}')); RETURN NEW; END $$;
    CREATE TRIGGER wait BEFORE INSERT ON "${prefix}".job FOR EACH ROW EXECUTE FUNCTION "${prefix}".wait()`);
  await client.query(`SELECT pg_advisory_lock(hashtext('${prefix}'))`);
  const task = runner.start(app.get(Work), 'run');
  expect(await task.settled()).toMatchObject({ status: 'failed', error: { name: 'TaskQueueError' } });
  const waiting = async () => {
    const sql = `SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
      AND objid = (hashtext('${prefix}')::bigint & 4294967295)`;
    return (await client.query<{ n: number }>(sql)).rows[0]!.n;
  };
  // The server gives the statement up by itself.
  await expect.poll(waiting).toBe(0);
  await client.query(`SELECT pg_advisory_unlock(hashtext('${prefix}'))`);
  expect((await client.query(`SELECT id FROM "${prefix}".job`)).rows).toEqual([]);
});

function connectionTo(present: (ids: readonly string[]) => Promise<readonly string[]>): BullMqConnection {
  return {
    isNotNow: (error: Error) => error.message === 'away',
    statements: { present: (_queue: unknown, ids: readonly string[]) => present(ids) },
  } as unknown as BullMqConnection;
}

test('a job that the server adds late is removed, and one that can’t be removed blocks no other', async () => {
  const present = new Set(['refused', 'early']);
  const removed: string[] = [];
  let isAway = true;
  const remove = async (id: string) => {
    if (id === 'refused') {
      throw new Error('refused');
    }
    removed.push(id);
    present.delete(id);
    return 1;
  };
  const unconfirmed = new UnconfirmedJobs(
    connectionTo(async (ids) => {
      if (isAway) {
        throw new Error('away');
      }
      return ids.filter((id) => present.has(id));
    }),
    { of: () => ({ remove }) } as unknown as BullMqQueues,
  );
  unconfirmed.add(
    ['refused', 'early', 'late', 'never'].map((jobId) => ({ queueName: 'work', opts: { jobId } }) as never),
  );
  isAway = false;
  await expect.poll(() => removed).toEqual(['early']);
  present.add('late');
  await expect.poll(() => removed).toEqual(['early', 'late']);
  unconfirmed.close();
});

test('an overloaded server gets few requests for very many jobs that it did not add', async () => {
  const asked: number[] = [];
  let removals = 0;
  let atOnce = 0;
  let mostAtOnce = 0;
  const remove = async () => {
    removals++;
    mostAtOnce = Math.max(mostAtOnce, ++atOnce);
    await setTimeout(1);
    atOnce--;
    return 1;
  };
  const unconfirmed = new UnconfirmedJobs(
    connectionTo(async (ids) => {
      asked.push(ids.length);
      return ids.slice(0, 10);
    }),
    { of: () => ({ remove }) } as unknown as BullMqQueues,
  );
  unconfirmed.add(Array.from({ length: 5_000 }, (_, i) => ({ queueName: 'work', opts: { jobId: `${i}` } }) as never));
  await expect.poll(() => removals).toBe(200);
  unconfirmed.close();
  expect(new Set(asked)).toEqual(new Set([1_000]));
  expect(asked).toHaveLength(20);
  expect(mostAtOnce).toBeLessThanOrEqual(4);
});
