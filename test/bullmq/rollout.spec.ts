import { Injectable, type Type } from '@nestjs/common';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { describe, expect, test } from 'vitest';
import {
  type BackgroundTasksModuleOptions,
  currentTask,
  InvalidOptionError,
  Task,
  TaskRegistry,
} from 'nestjs-background-tasks';
import { BullMqQueues, BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { unknownTaskName } from '../../lib/durable/durable.messages.ts';
import { repeatNotWith } from '../../lib/bullmq/bullmq.messages.ts';
import { BullMqSchedules } from '../../lib/bullmq/queues/bullmq-schedules.ts';
import { RolloutTimes } from '../../lib/bullmq/queues/schedule-versions.ts';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { startApp } from '../fixtures/start-app.ts';

const patience = { timeout: 20_000 };
const ran: { name: string; id: string; attempt: number }[] = [];

function note(name: string): void {
  const { id, attempt } = currentTask()!;
  ran.push({ name, id, attempt });
}

@Injectable()
class Common {
  @Task({ queue: 'jobs' })
  common() {}
}

@Injectable()
class Nightly {
  @Task({ name: 'nightly', queue: 'jobs', repeat: { pattern: '0 3 * * *' } })
  run() {}
}

@Injectable()
class NightlyAtFour {
  @Task({ name: 'nightly', queue: 'jobs', repeat: { pattern: '0 4 * * *' } })
  run() {}
}

@Injectable()
class NightlyElsewhere {
  @Task({ name: 'nightly', queue: 'elsewhere', repeat: { pattern: '0 3 * * *' } })
  run() {}
}

@Injectable()
class Added {
  @Task({ queue: 'jobs' })
  added() {
    note('added');
    return 'known here';
  }
}

@Injectable()
class Ticking {
  @Task({ queue: 'jobs', repeat: { every: 200 } })
  tick() {
    note('tick');
  }
}

@Injectable()
class FailingTick {
  @Task({ queue: 'jobs', repeat: { every: 300 }, retryIf: (error) => !(error instanceof TypeError) })
  fails() {
    note('fails');
    throw currentTask()!.attempt === 1 ? new RangeError('again') : new TypeError('enough');
  }
}

@Injectable()
class Deduplicated {
  @Task({ queue: 'jobs', repeat: { every: 60_000 }, deduplication: { id: 'one' } })
  once() {}
}

@Injectable()
class Delayed {
  @Task({ queue: 'jobs', repeat: { every: 60_000 }, delay: 10 })
  later() {}
}

interface Options {
  readonly times?: Partial<RolloutTimes>;
  readonly worker?: false;
  readonly module?: BackgroundTasksModuleOptions;
}

function start(connection: string, prefix: string, providers: Type[], { times, worker, module = {} }: Options = {}) {
  const queues = BullMqTasksModule.forRoot({ connection, prefix, ...(worker === false && { worker }) });
  const useValue = Object.assign(new RolloutTimes(), { confirmEvery: 50 }, times);
  return startApp(
    {
      imports: [{ ...queues, providers: [...queues.providers!, { provide: RolloutTimes, useValue }] }],
      providers: [Common, ...providers],
    },
    module,
  );
}

type Started = Awaited<ReturnType<typeof start>>;
const queueOf = ({ app }: Started) => app.get(BullMqQueues).get('jobs');
const patterns = async (started: Started) =>
  (await queueOf(started).getJobSchedulers()).map(({ key, pattern }) => `${key} ${pattern}`);

/** Resolves when the worker has compared its schedules with those of the queue at least once. */
async function compared({ app }: Started): Promise<void> {
  await app.get(BullMqSchedules, { strict: false }).update('jobs');
}

stopStores();

describe.each(stores)('on $name', ({ connection }) => {
  test('an old worker that starts again takes nothing from a new one, and changes nothing back', async () => {
    const prefix = ownPrefix();
    const old = await start(connection, prefix, [Nightly]);
    await expect.poll(() => patterns(old), patience).toEqual(['nightly 0 3 * * *']);
    const fresh = await start(connection, prefix, [NightlyAtFour, Ticking]);
    const wanted = expect.arrayContaining(['nightly 0 4 * * *', expect.stringContaining('Ticking.tick')]) as string[];
    await expect.poll(() => patterns(fresh), patience).toEqual(wanted);
    const again = await start(connection, prefix, [Nightly]);
    await compared(again);
    await compared(old);
    expect(await patterns(fresh)).toEqual(wanted);
    const without = await start(connection, prefix, []);
    await compared(without);
    expect(await patterns(fresh)).toEqual(wanted);
  });

  test('a schedule that no code has any more is removed after a while; one of another program stays', async () => {
    const prefix = ownPrefix();
    const old = await start(connection, prefix, [Nightly]);
    await queueOf(old).upsertJobScheduler('of another program', { pattern: '0 5 * * *' });
    await expect.poll(() => patterns(old), patience).toHaveLength(2);
    await old.app.close();
    const fresh = await start(connection, prefix, [Ticking], { times: { removeAfter: 300 } });
    await expect
      .poll(() => patterns(fresh), patience)
      .toEqual(expect.not.arrayContaining([expect.stringContaining('nightly')]));
    expect(await patterns(fresh)).toContain('of another program 0 5 * * *');
  });

  test('a schedule whose task has another queue now is removed when the last worker with the old code has ended', async () => {
    const prefix = ownPrefix();
    // Long enough for a busy machine: the old worker confirms its schedule every 50 ms.
    const times = { aliveFor: 5_000 };
    const old = await start(connection, prefix, [Nightly], { times });
    await expect.poll(() => patterns(old), patience).toEqual(['nightly 0 3 * * *']);
    const fresh = await start(connection, prefix, [NightlyElsewhere], { times });
    const elsewhere = fresh.app.get(BullMqQueues).get('elsewhere');
    await expect.poll(() => elsewhere.getJobSchedulersCount(), patience).toBe(1);
    await compared(fresh);
    expect(await patterns(fresh)).toEqual(['nightly 0 3 * * *']);
    await old.app.close();
    await expect.poll(() => patterns(fresh), patience).toEqual([]);
    expect(await elsewhere.getJobSchedulersCount()).toBe(1);
  });

  test('code that was rolled back counts again once no worker has the newer one', async () => {
    const prefix = ownPrefix();
    const times = { aliveFor: 500 };
    const first = await start(connection, prefix, [Nightly], { times });
    await expect.poll(() => patterns(first), patience).toEqual(['nightly 0 3 * * *']);
    const second = await start(connection, prefix, [NightlyAtFour], { times });
    await expect.poll(() => patterns(first), patience).toEqual(['nightly 0 4 * * *']);
    await second.app.close();
    await expect.poll(() => patterns(first), patience).toEqual(['nightly 0 3 * * *']);
  });

  test('a schedule that is gone comes back without a restart', async () => {
    const started = await start(connection, ownPrefix(), [Nightly]);
    await expect.poll(() => patterns(started), patience).toHaveLength(1);
    await queueOf(started).removeJobScheduler('nightly');
    await expect.poll(() => patterns(started), patience).toEqual(['nightly 0 3 * * *']);
  });

  test('a task whose name one worker doesn’t know is run by one that does', async () => {
    const prefix = ownPrefix();
    const web = await start(connection, prefix, [Added], { worker: false });
    await start(connection, prefix, []);
    const task = web.runner.start(web.app.get(Added), 'added');
    const job = () => queueOf(web).getJob(task.id);
    await expect.poll(async () => (await job())?.data as object, patience).toHaveProperty('unknownSince');
    expect(await web.app.get(TaskRegistry).get(task.id)).toMatchObject({ status: 'pending', attempts: 0 });
    await start(connection, prefix, [Added]);
    // Either worker can be faster, and each time that the first one is, the task waits for longer.
    const completed = async () => {
      await (await job())?.promote().catch(() => undefined);
      return web.app.get(TaskRegistry).get(task.id);
    };
    await expect.poll(completed, patience).toMatchObject({ status: 'completed', result: 'known here', attempts: 1 });
  });

  test('a task whose name nobody knows for long fails, is kept, and can be cancelled before', async () => {
    const prefix = ownPrefix();
    const web = await start(connection, prefix, [Added], { worker: false });
    const worker = await start(connection, prefix, [], { times: { unknownFor: 700 } });
    const task = web.runner.start(web.app.get(Added), 'added');
    expect(await task.settled()).toMatchObject({
      status: 'failed',
      error: { message: unknownTaskName('Added.added', 'jobs') },
    });
    await worker.app.close();
    await start(connection, prefix, []);
    expect(await web.app.get(TaskRegistry).retry(task.id)).toBe(true);
    const job = () => queueOf(web).getJob(task.id);
    await expect.poll(async () => (await job())?.data as object, patience).toHaveProperty('unknownSince');
    expect(await web.app.get(TaskRegistry).cancel(task.id)).toBe(true);
    const record = () => web.app.get(TaskRegistry).get(task.id);
    await expect.poll(record, patience).toMatchObject({ status: 'cancelled', attempts: 0 });
  });

  test('options mean for runs what they mean for other tasks, also those of the application', async () => {
    ran.length = 0;
    const module: BackgroundTasksModuleOptions = { defaults: { attempts: 5, backoff: { type: 'fixed', delay: 1 } } };
    await start(connection, ownPrefix(), [FailingTick], { module });
    await expect.poll(() => ran.length, patience).toBeGreaterThan(3);
    const [first] = ran;
    const attempts = ran.filter(({ id }) => id === first!.id).map(({ attempt }) => attempt);
    expect(attempts).toEqual([1, 2]);
  });

  test('runs have ids as all tasks have, and answer to no id that can be guessed', async () => {
    ran.length = 0;
    const prefix = ownPrefix();
    const worker = await start(connection, prefix, [Ticking]);
    // Its code does not have the task.
    const web = await start(connection, prefix, [], { worker: false });
    await expect.poll(() => ran.length, patience).toBeGreaterThan(1);
    for (const { app } of [worker, web]) {
      const registry = app.get(TaskRegistry);
      await expect.poll(() => registry.get(ran[0]!.id)).toMatchObject({ id: ran[0]!.id, status: 'completed' });
      const jobs = (await queueOf(worker).getJobs()).filter(({ id }) => id?.startsWith('repeat:'));
      expect(jobs.length).toBeGreaterThan(1);
      for (const { id } of jobs) {
        expect(await registry.get(id!)).toBeUndefined();
        expect(await registry.cancel(id!)).toBe(false);
        expect(await registry.retry(id!)).toBe(false);
      }
      const records = await registry.list({ queue: 'jobs' });
      const ids = records.map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      for (const { id } of records) {
        expect(id).toMatch(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/);
        expect(await registry.get(id)).toMatchObject({ id, name: 'Ticking.tick' });
      }
      // The same name and time in another queue have another id, so an id says nothing about others.
      expect(await registry.get(ids[0]!.replace(/.$/, (it) => (it === '0' ? '1' : '0')))).toBeUndefined();
    }
  });
});

test.each([
  [Deduplicated, 'Deduplicated.once', 'deduplication'],
  [Delayed, 'Delayed.later', 'delay'],
] as const)('an option that makes no sense with repeat is refused at start: %o', async (provider, name, option) => {
  await expect(start('pglite:', ownPrefix(), [provider])).rejects.toThrow(
    new InvalidOptionError(repeatNotWith(name, option)),
  );
});

/** Removes all that a server keeps with the prefix, as if it came back empty. */
/** @throws error, unless it tells of a deadlock */
function isDeadlock(error: { code?: string }): false {
  if (error.code !== '40P01') {
    throw error;
  }
  return false;
}

async function empty(connection: string, prefix: string): Promise<void> {
  if (connection.startsWith('redis')) {
    const client = new Redis(connection);
    await client.unlink(...(await client.keys(`${prefix}:*`)));
    client.disconnect();
  } else {
    const client = new Client({ connectionString: connection });
    await client.connect();
    // It locks tables in another order than a worker's statements: Postgres may end it as a deadlock.
    const drop = () => client.query(`DROP SCHEMA IF EXISTS "${prefix}" CASCADE`).then(() => true, isDeadlock);
    await expect.poll(drop, patience).toBe(true);
    await client.end();
  }
}

test.each(stores)('a $name that comes back empty gets its schedules again, and ids go on', async ({ connection }) => {
  const prefix = ownPrefix();
  ran.length = 0;
  const worker = await start(connection, prefix, [Ticking]);
  await expect.poll(() => ran.length, patience).toBeGreaterThan(1);
  // From now on, this process knows the secret of the ids.
  const web = await start(connection, prefix, [Ticking], { worker: false });
  await web.app.get(TaskRegistry).list({ queue: 'jobs' });
  await empty(connection, prefix);
  const before = ran.length;
  await expect.poll(() => ran.length, patience).toBeGreaterThan(before + 2);
  const fresh = await start(connection, prefix, [Ticking], { worker: false });
  for (const { app } of [worker, web, fresh]) {
    await expect
      .poll(() => app.get(TaskRegistry).get(ran.at(-2)!.id), patience)
      .toMatchObject({ name: 'Ticking.tick' });
  }
});
