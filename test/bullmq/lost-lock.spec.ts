import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { expect, test } from 'vitest';
import { Task } from 'nestjs-background-tasks';
import { BullMqQueues, BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { jobGone, lockLost } from '../../lib/bullmq/bullmq.messages.ts';
import { Gate } from '../fixtures/gate.ts';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { startApp } from '../fixtures/start-app.ts';

let started: Gate;
let finish: Gate;

@Injectable()
class Work {
  @Task({ queue: 'work' })
  async slow() {
    started.open();
    await finish.opened;
  }
}

/** Takes the lock away from the worker, as the server does when it expires. */
async function loseLock(connection: string, prefix: string, id: string): Promise<void> {
  if (connection.startsWith('redis')) {
    const redis = new Redis(connection);
    expect(await redis.del(`${prefix}:work:${id}:lock`)).toBe(1);
    redis.disconnect();
  } else {
    const client = new Client({ connectionString: connection });
    await client.connect();
    const { rowCount } = await client.query(`UPDATE "${prefix}".job SET lock_token = 'other' WHERE id = $1`, [id]);
    expect(rowCount).toBe(1);
    await client.end();
  }
}

stopStores();

test.each(stores)('on $name, a worker that loses a lock says so, while the task runs and at its end', async (store) => {
  started = new Gate();
  finish = new Gate();
  const prefix = ownPrefix();
  const worker = { lockDuration: 400, stalledInterval: 600_000 };
  const { app, runner, log } = await startApp({
    imports: [BullMqTasksModule.forRoot({ connection: store.connection, prefix, worker })],
    providers: [Work],
  });
  const task = runner.start(app.get(Work), 'slow');
  await started.opened;
  const warnings = () => log.said('warn').map(({ message }) => message);
  await loseLock(store.connection, prefix, task.id);
  await expect.poll(warnings).toContain(lockLost(`could not renew lock for job ${task.id}`));
  finish.open();
  const [before, after] = lockLost('REASON.').split('REASON.') as [string, string];
  await expect
    .poll(() => warnings().filter((it) => it.startsWith(before) && it.endsWith(after) && /Missing|mismatch/.test(it)))
    .not.toEqual([]);
});

test.each(stores)('on $name, a task that is gone from its queue when it ends is no outage', async ({ connection }) => {
  started = new Gate();
  finish = new Gate();
  const prefix = ownPrefix();
  const { app, runner, log } = await startApp({
    imports: [BullMqTasksModule.forRoot({ connection, prefix })],
    providers: [Work],
  });
  runner.start(app.get(Work), 'slow');
  await started.opened;
  await app.get(BullMqQueues).get('work').obliterate({ force: true });
  finish.open();
  const warnings = () => log.said('warn').map(({ message }) => message);
  await expect.poll(warnings).not.toEqual([]);
  const [before, after] = jobGone('REASON.').split('REASON.') as [string, string];
  expect(warnings().filter((it) => !it.startsWith(before) || !it.endsWith(after))).toEqual([]);
});
