import { Injectable } from '@nestjs/common';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { Task, TaskRegistry } from 'nestjs-background-tasks';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { Gate } from '../fixtures/gate.ts';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { startApp } from '../fixtures/start-app.ts';

const HOUR = 3_600_000;

let starts = 0;
let started: Gate;
let finish: Gate;

@Injectable()
class Work {
  @Task({ queue: 'work', attempts: 2 })
  async slow() {
    starts++;
    started.open();
    await finish.opened;
    if (starts === 1) {
      throw new Error('once');
    }
  }

  @Task({ queue: 'work' })
  quick() {}
}

beforeEach(() => {
  starts = 0;
  started = new Gate();
  finish = new Gate();
});
afterEach(() => vi.restoreAllMocks());

/** From now on the clock of this process is wrong. */
function shiftClock(ms: number): void {
  const now = Date.now.bind(Date);
  vi.spyOn(Date, 'now').mockImplementation(() => now() + ms);
}

async function startWith(connection: string, worker: object) {
  const prefix = ownPrefix();
  const { app, runner } = await startApp({
    imports: [BullMqTasksModule.forRoot({ connection, prefix, worker })],
    providers: [Work],
  });
  const client = new Client({ connectionString: connection });
  await client.connect();
  onTestFinished(() => client.end());
  const one = async (sql: string): Promise<number> => Number((await client.query<{ it: string }>(sql)).rows[0]?.it);
  return {
    app,
    runner,
    /** When the server was last asked for tasks whose lock has expired. */
    checkedAt: () => one(`SELECT value AS it FROM "${prefix}".meta WHERE field = 'stalled-check'`),
    /** ms until the lock of the active task expires, by the server's clock. */
    lockedFor: () =>
      one(
        `SELECT locked_until_ms - extract(epoch from clock_timestamp()) * 1000 AS it FROM "${prefix}".job WHERE state = 'active'`,
      ),
  };
}

stopStores();

describe.each(stores.filter(({ name }) => name === 'Postgres'))('on Postgres', ({ connection }) => {
  test.each([HOUR, -HOUR])('a worker whose clock is wrong by %d ms runs no task that another one runs', async (ms) => {
    const { app, runner, checkedAt } = await startWith(connection, { stalledInterval: 50 });
    if (ms < 0) {
      // The one that claims is slow.
      shiftClock(ms);
    }
    const task = runner.start(app.get(Work), 'slow');
    await started.opened;
    vi.restoreAllMocks();
    if (ms > 0) {
      // The one that looks for expired locks is fast.
      shiftClock(ms);
    }
    for (let passes = 0; passes < 4; passes++) {
      const before = await checkedAt();
      await expect.poll(checkedAt, { interval: 10 }).not.toBe(before);
    }
    expect(starts).toBe(1);
    finish.open();
    expect(await task.settled()).toMatchObject({ status: 'completed', attempts: 2 });
    expect(starts).toBe(2);
  });

  test.each([HOUR, -HOUR])('with a clock that is wrong by %d ms, locks last and are renewed', async (ms) => {
    shiftClock(ms);
    const worker = { lockDuration: 2_000, stalledInterval: 600_000, concurrency: 1 };
    const { app, runner, lockedFor } = await startWith(connection, worker);
    // The second one is claimed in the statement that completes the first.
    runner.start(app.get(Work), 'quick');
    const task = runner.start(app.get(Work), 'slow');
    await started.opened;
    const first = await lockedFor();
    expect(first).toBeGreaterThan(0);
    expect(first).toBeLessThanOrEqual(2_000);
    let lowest = first;
    await expect
      .poll(async () => {
        const left = await lockedFor();
        lowest = Math.min(lowest, left);
        return left > lowest + 200;
      })
      .toBe(true);
    finish.open();
    await expect
      .poll(async () => (await app.get(TaskRegistry).get(task.id))?.status, { timeout: 10_000 })
      .toBe('completed');
  });
});
