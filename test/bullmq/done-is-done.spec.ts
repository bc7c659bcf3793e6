import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chain, currentTask, step, Task, TaskRegistry } from 'nestjs-background-tasks';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { endRefused } from '../../lib/bullmq/bullmq.messages.ts';
import { makeLasting } from '../../lib/bullmq/store/worker-backend.ts';
import { isPostgresNotNow } from '../../lib/bullmq/store/postgres-errors.ts';
import { isRedisNotNow } from '../../lib/bullmq/store/redis-errors.ts';
import { Gate } from '../fixtures/gate.ts';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { startRedis, type OwnRedisServer } from '../fixtures/redis-server.ts';
import { startApp } from '../fixtures/start-app.ts';

let runs = 0;
let started: Gate;
let finish: Gate;

@Injectable()
class Work {
  @Task({ queue: 'work' })
  async returns() {
    await this.#run();
    return 'done';
  }

  @Task({ queue: 'work' })
  async throws() {
    await this.#run();
    throw new Error('no');
  }

  @Task({ queue: 'work', attempts: 2 })
  async throwsOnce() {
    await this.#run();
    if (runs === 1) {
      throw new Error('no');
    }
    return 'done';
  }

  @Task({ queue: 'work', attempts: 2, backoff: { type: 'fixed', delay: 10 } })
  async throwsOnceAndWaits() {
    return this.throwsOnce();
  }

  @Task({ queue: 'work' })
  async reports() {
    await this.#run();
    currentTask()!.updateProgress(7);
  }

  @Task({ queue: 'work' })
  after(text: string) {
    return `after ${text}`;
  }

  async #run() {
    runs++;
    started.open();
    await finish.opened;
  }
}

interface Refusal {
  refuse(prefix: string, id: string): Promise<void>;
  allow(): Promise<void>;
}

/** Adds a task, lets it end while the server refuses to record that, and lets the server record it once it has refused. */
async function endWhileRefused(
  connection: Parameters<typeof BullMqTasksModule.forRoot>[0]['connection'],
  { refuse, allow }: Refusal,
  method: 'returns' | 'throws' | 'throwsOnce' | 'throwsOnceAndWaits',
) {
  runs = 0;
  started = new Gate();
  finish = new Gate();
  const prefix = ownPrefix();
  const { app, runner, log } = await startApp({
    imports: [BullMqTasksModule.forRoot({ connection, prefix, worker: { concurrency: 1 } })],
    providers: [Work],
  });
  const task = runner.start(app.get(Work), method);
  await started.opened;
  await refuse(prefix, task.id);
  const [before, after] = endRefused(task.id, 'REASON.').split('REASON.') as [string, string];
  try {
    finish.open();
    await expect
      .poll(
        () => log.said('warn').filter(({ message }) => message.startsWith(before) && message.endsWith(after)).length,
      )
      .toBe(1);
  } finally {
    await allow();
  }
  // A record of the worker may come later than the handle's own.
  await expect.poll(async () => (await app.get(TaskRegistry).get(task.id))?.finishedAt).toBeDefined();
  const record = await app.get(TaskRegistry).get(task.id);
  await app.close();
  return { record, runs };
}

/** Lets a task report progress and return while the server refuses that, and lets the server record it once it has refused. */
async function reportWhileRefused(connection: string, { refuse, allow }: Refusal, refusals: () => Promise<number>) {
  runs = 0;
  started = new Gate();
  finish = new Gate();
  const prefix = ownPrefix();
  const { app, runner } = await startApp({
    imports: [BullMqTasksModule.forRoot({ connection, prefix })],
    providers: [Work],
  });
  const task = runner.start(app.get(Work), 'reports');
  await started.opened;
  await refuse(prefix, task.id);
  const before = await refusals();
  try {
    finish.open();
    await expect.poll(refusals).toBeGreaterThan(before);
  } finally {
    await allow();
  }
  expect(await task.settled()).toMatchObject({ status: 'completed', progress: 7 });
  expect(runs).toBe(1);
}

const expected = {
  returns: { record: { status: 'completed', result: 'done', attempts: 1 }, runs: 1 },
  throws: { record: { status: 'failed', error: { message: 'no' }, attempts: 1 }, runs: 1 },
  throwsOnce: { record: { status: 'completed', result: 'done', attempts: 2 }, runs: 2 },
  throwsOnceAndWaits: { record: { status: 'completed', result: 'done', attempts: 2 }, runs: 2 },
};
const methods = Object.keys(expected) as (keyof typeof expected)[];

stopStores();

const postgresUrl = stores.find(({ name }) => name === 'Postgres')?.connection;
const redisUrl = stores.find(({ name }) => name === 'Redis')?.connection;

describe.runIf(postgresUrl)('Postgres refuses for now to record the end of an attempt', () => {
  let client: Client;

  beforeAll(async () => {
    client = new Client({ connectionString: postgresUrl });
    await client.connect();
  });
  afterAll(() => client.end());

  const raising = (code: string): Refusal => {
    let schema: string;
    return {
      async refuse(prefix) {
        schema = prefix;
        await client.query(`
          CREATE FUNCTION "${schema}".refuse() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN RAISE EXCEPTION 'not now' USING ERRCODE = '${code}'; END $$;
          CREATE TRIGGER refuse BEFORE UPDATE ON "${schema}".job FOR EACH ROW
          WHEN (NEW.state <> 'active') EXECUTE FUNCTION "${schema}".refuse()`);
      },
      async allow() {
        await client.query(`DROP TRIGGER refuse ON "${schema}".job`);
      },
    };
  };

  const codes = [
    '57014',
    '55P03',
    '40P01',
    '40001',
    '53100',
    '53200',
    '53300',
    '57P01',
    '57P02',
    '57P03',
    '08006',
    '25006',
  ];

  test.each(codes)('SQLSTATE %s', async (code) => {
    expect(await endWhileRefused(postgresUrl!, raising(code), 'returns')).toMatchObject(expected.returns);
  });

  test.each(methods)('a locked row and lock_timeout: a task that %s', async (method) => {
    const locking: Refusal = {
      async refuse(prefix, id) {
        await client.query('BEGIN');
        await client.query(`SELECT 1 FROM "${prefix}".job WHERE id = $1 FOR UPDATE`, [id]);
      },
      async allow() {
        await client.query('COMMIT');
      },
    };
    const connection = { connectionString: postgresUrl!, options: '-c lock_timeout=400' };
    expect(await endWhileRefused(connection, locking, method)).toMatchObject(expected[method]);
  });
});

describe.runIf(postgresUrl)('Postgres refuses for now', () => {
  let client: Client;

  beforeAll(async () => {
    client = new Client({ connectionString: postgresUrl });
    await client.connect();
  });
  afterAll(() => client.end());

  /** Refuses updates of jobs, and counts that. */
  const refusing = (condition: string) => {
    let schema: string;
    const refusal: Refusal = {
      async refuse(prefix) {
        schema = prefix;
        await client.query(`
          CREATE SEQUENCE "${schema}".refusals;
          CREATE FUNCTION "${schema}".refuse() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN
            PERFORM nextval('"${schema}".refusals');
            RAISE EXCEPTION 'not now' USING ERRCODE = '40P01';
          END $$;
          CREATE TRIGGER refuse BEFORE UPDATE ON "${schema}".job FOR EACH ROW
          WHEN (${condition}) EXECUTE FUNCTION "${schema}".refuse()`);
      },
      async allow() {
        await client.query(`DROP TRIGGER refuse ON "${schema}".job`);
      },
    };
    const refusals = async () => {
      const { rows } = await client.query<{ n: string }>(`
        SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS n FROM "${schema}".refusals`);
      return Number(rows[0]!.n);
    };
    return [refusal, refusals] as const;
  };

  test('to record progress', async () => {
    await reportWhileRefused(postgresUrl!, ...refusing('NEW.progress IS DISTINCT FROM OLD.progress'));
  });

  test('to give a worker the next task, when it has recorded that a task waits for its next attempt', async () => {
    runs = 0;
    started = new Gate();
    finish = new Gate();
    const prefix = ownPrefix();
    const worker = { concurrency: 1 };
    const { app, runner, log } = await startApp({
      imports: [BullMqTasksModule.forRoot({ connection: postgresUrl!, prefix, worker })],
      providers: [Work],
    });
    const [refusal, refusals] = refusing(`NEW.state = 'active'`);
    const tasks = [
      runner.start(app.get(Work), 'throwsOnceAndWaits'),
      runner.start(app.get(Work), 'after', 'it'),
    ] as const;
    await started.opened;
    await refusal.refuse(prefix, tasks[0].id);
    finish.open();
    await expect.poll(refusals).toBeGreaterThan(1);
    await refusal.allow();
    expect(await Promise.all(tasks.map((task) => task.settled()))).toMatchObject([
      { status: 'completed', attempts: 2 },
      { status: 'completed', attempts: 1 },
    ]);
    const warnings = log.said('warn').map(({ message }) => message);
    expect(warnings.filter((it) => it.includes('lock'))).toEqual([]);
    expect(runs).toBe(2);
  });
});

describe.runIf(redisUrl)('Redis refuses for now to record the end of an attempt', () => {
  let server: OwnRedisServer;
  let client: Redis;

  beforeAll(async () => {
    server = await startRedis();
    client = new Redis(server.url);
  });
  afterAll(async () => {
    client.disconnect();
    await server.stop();
  });

  const configured = (option: string, refusing: string, allowing: string): Refusal => ({
    refuse: async () => void (await client.config('SET', option, refusing)),
    allow: async () => void (await client.config('SET', option, allowing)),
  });

  const refusals: { [answer: string]: () => Refusal } = {
    READONLY: () => ({
      refuse: async () => void (await client.replicaof('127.0.0.1', 1)),
      allow: async () => void (await client.replicaof('NO', 'ONE')),
    }),
    NOREPLICAS: () => configured('min-replicas-to-write', '1', '0'),
    BUSY: () => ({
      async refuse() {
        await client.config('SET', 'lua-time-limit', '1');
        const blocker = client.duplicate();
        blocker.eval('while true do end', 0).catch(() => blocker.disconnect());
        await expect.poll(() => client.ping().catch((error: Error) => error.message)).toMatch(/^BUSY/);
      },
      allow: async () => void (await client.call('SCRIPT', 'KILL')),
    }),
  };

  test('progress', async () => {
    const count = async () =>
      Number(/errorstat_NOREPLICAS:count=(\d+)/.exec(await client.info('errorstats'))?.[1] ?? 0);
    await reportWhileRefused(server.url, refusals['NOREPLICAS']!(), count);
  });

  test.each(Object.entries(refusals))('%s', async (_answer, refusal) => {
    for (const method of methods) {
      expect(await endWhileRefused(server.url, refusal(), method)).toMatchObject(expected[method]);
    }
  });
});

test('a refused renewal of a lock is tried again until the server takes it', async () => {
  const answers = [new Error('READONLY'), new Error('BUSY Redis is busy'), ['lost']];
  const method = () => Promise.resolve();
  const backend = {
    extendLocks: () => {
      const answer = answers.shift();
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
    ...Object.fromEntries(
      [
        'moveToCompleted',
        'moveToFailed',
        'moveToDelayed',
        'retryJob',
        'moveJobFromActiveToWait',
        'moveToActive',
        'updateJobSchedulerNextMillis',
        'updateProgress',
      ].map((name) => [name, method]),
    ),
  };
  makeLasting({ backend } as never, {
    isNotNow: () => true,
    isLost: () => false,
    onEndRefused: () => undefined,
    onClaimRefused: () => undefined,
    isOver: () => false,
  });
  expect(await backend.extendLocks()).toEqual(['lost']);
  expect(answers).toEqual([]);
});

test('the predicates know what says "not now"', () => {
  for (const reply of [
    'READONLY',
    'LOADING',
    'MASTERDOWN',
    'OOM',
    'BUSY',
    'TRYAGAIN',
    'CLUSTERDOWN',
    'NOREPLICAS',
    'MISCONF',
  ]) {
    expect(isRedisNotNow(new Error(`${reply} and more`))).toBe(true);
    expect(isRedisNotNow(new Error(`ERR Error running script (call to f_1): @user_script:1: -${reply} and more`))).toBe(
      true,
    );
  }
  expect(isRedisNotNow(new Error('Connection is closed.'))).toBe(true);
  expect(isRedisNotNow(Object.assign(new Error(''), { code: 'ECONNRESET' }))).toBe(true);
  for (const reply of [
    'NOPERM this user',
    'WRONGTYPE Operation',
    'ERR unknown command',
    'Missing lock for job BUSY-1.',
  ]) {
    expect(isRedisNotNow(new Error(reply))).toBe(false);
  }
  expect(isPostgresNotNow(new Error('Connection terminated unexpectedly'))).toBe(true);
  for (const code of ['57P05', '25P03', '25P04', '58030']) {
    expect(isPostgresNotNow(Object.assign(new Error('later'), { code }))).toBe(true);
  }
  for (const code of ['22P05', '42501', '42P01', '23505', 'BM001']) {
    expect(isPostgresNotNow(Object.assign(new Error('no'), { code }))).toBe(false);
  }
});

test.runIf(postgresUrl)('a chain goes on after a step whose completion was refused', async () => {
  runs = 0;
  started = new Gate();
  finish = new Gate();
  const prefix = ownPrefix();
  const connection = { connectionString: postgresUrl!, options: '-c lock_timeout=100' };
  const { app, runner, log } = await startApp({
    imports: [BullMqTasksModule.forRoot({ connection, prefix })],
    providers: [Work],
  });
  const work = app.get(Work);
  const task = runner.start(chain(step(work, 'returns'), step(work, 'after', 'all')));
  await started.opened;
  const client = new Client({ connectionString: postgresUrl });
  await client.connect();
  await client.query('BEGIN');
  await client.query(`SELECT 1 FROM "${prefix}".job FOR UPDATE`);
  finish.open();
  await expect.poll(() => log.said('warn')).not.toEqual([]);
  await client.query('COMMIT');
  await client.end();
  expect(await task.settled()).toMatchObject({ status: 'completed', result: 'after all' });
  expect(runs).toBe(1);
});
