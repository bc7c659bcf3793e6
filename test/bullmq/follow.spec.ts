import { Injectable } from '@nestjs/common';
import { firstValueFrom, lastValueFrom, type Observable } from 'rxjs';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { currentTask, Task, TaskQueueError, type TaskRecord, TaskRegistry } from 'nestjs-background-tasks';
import { BullMqQueues, BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { TaskQueueHost } from '../../lib/durable/task-queue-host.ts';
import { EndsUnderway } from '../../lib/services/ends-underway.ts';
import { collect as collectAll } from '../fixtures/collect.ts';
import { Gate } from '../fixtures/gate.ts';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { startApp } from '../fixtures/start-app.ts';

let gate = new Gate();
let isBroken = false;

afterEach(() => {
  gate.open();
  gate = new Gate();
  isBroken = false;
});

@Injectable()
class Work {
  @Task({ queue: 'work' })
  async hold() {
    currentTask()!.updateProgress({ done: 1 });
    await gate.opened;
    return 'held';
  }

  @Task({ queue: 'work', attempts: 3, backoff: { type: 'fixed', delay: 100 } })
  failsTwice() {
    const { attempt, updateProgress } = currentTask()!;
    updateProgress(attempt);
    if (attempt < 3) {
      throw new Error('not yet');
    }
    return 'done';
  }

  @Task({ queue: 'work' })
  mendable() {
    if (isBroken) {
      throw new Error('broken');
    }
    return 'mended';
  }

  @Task({ queue: 'ticks', repeat: { every: 300 } })
  tick() {
    return 'ticked';
  }
}

function collect(followed: Observable<TaskRecord>) {
  const { seen, subscription } = collectAll(followed);
  return { seen, subscription, statuses: () => seen.records.map(({ status, attempts }) => `${status} ${attempts}`) };
}

/** Each of them once, in the order in which they came first. */
const distinct = (all: readonly string[]) => [...new Set(all)];

stopStores();

/** Each application with PGlite takes seconds to start. */
const isEmbedded = (connection: string) => connection === 'pglite:';

const places = [...stores, { name: 'PGlite', connection: 'pglite:' }];

describe.each(places)('on $name', { timeout: 90_000 }, ({ connection }) => {
  async function startOne(prefix: string, worker: object | false, options = {}) {
    const module = BullMqTasksModule.forRoot({ connection, prefix, worker });
    const started = await startApp({ imports: [module], providers: [Work] }, options);
    const registry = started.app.get(TaskRegistry);
    const queue = started.app.get(TaskQueueHost).current!;
    return { ...started, registry, work: started.app.get(Work), latest: vi.spyOn(queue, 'latest') };
  }

  /** One that follows tasks, and one that runs them: the same one on PGlite. */
  async function start() {
    const prefix = ownPrefix();
    const worker = await startOne(prefix, {});
    return { worker, web: isEmbedded(connection) ? worker : await startOne(prefix, false) };
  }

  test('emits each state of a task that another process runs, and completes', async () => {
    const { web } = await start();
    const task = web.runner.start(web.work, 'hold');
    const follower = collect(web.registry.follow(task.id));
    await expect.poll(() => follower.seen.records.at(-1)).toMatchObject({ status: 'running', progress: { done: 1 } });
    const late = collect(web.registry.follow(task.id));
    expect(late.seen.records).toEqual([follower.seen.records.at(-1)]);
    gate.open();
    await expect.poll(() => follower.seen.end).toBe('complete');
    expect(distinct(follower.statuses())).toEqual(['pending 0', 'running 1', 'completed 1']);
    expect(follower.seen.records.at(-1)).toEqual(await web.registry.get(task.id));
    expect(late.seen).toMatchObject({ end: 'complete' });
    expect(await lastValueFrom(web.registry.follow(task.id))).toEqual(follower.seen.records.at(-1));
  });

  test('emits each attempt once, in their order, for the process that runs them and for others', async () => {
    const { web, worker } = await start();
    const task = web.runner.start(web.work, 'failsTwice');
    await task.stored();
    const followers = [collect(worker.registry.follow(task.id)), collect(web.registry.follow(task.id))];
    for (const { seen } of followers) {
      await expect.poll(() => seen.end).toBe('complete');
    }
    const [here, there] = followers.map(({ statuses }) => distinct(statuses()));
    const all = ['pending 0', 'running 1', 'pending 1', 'running 2', 'pending 2', 'running 3', 'completed 3'];
    // A poll can miss a state that is over quickly. None comes twice, and none after one that follows it.
    for (const followed of [here!, there!]) {
      expect(all.filter((it) => followed.includes(it))).toEqual(followed);
      expect(followed.at(-1)).toBe('completed 3');
    }
    expect(followers.map(({ seen }) => seen.records.at(-1))).toEqual([
      await worker.registry.get(task.id),
      await web.registry.get(task.id),
    ]);
    for (const { statuses } of followers) {
      const indices = statuses().map((it) => all.indexOf(it));
      expect(indices).toEqual(indices.toSorted((a, b) => a - b));
    }
  });

  test('reads the queue once for all who follow, and no more when nobody does', async () => {
    const { web, worker } = await start();
    const task = web.runner.start(web.work, 'hold');
    await expect.poll(() => worker.runner.stats().running).toBe(1);
    const followers = Array.from({ length: 50 }, () => collect(web.registry.follow(task.id)));
    await expect.poll(() => followers[49]!.seen.records.length).toBeGreaterThan(0);
    if (web === worker) {
      // The attempt tells of its steps itself.
      expect(web.latest).not.toHaveBeenCalled();
    } else {
      await expect.poll(() => web.latest.mock.calls.length).toBeGreaterThan(5);
      const [reads, from] = [web.latest.mock.calls.length, performance.now()];
      await expect.poll(() => web.latest.mock.calls.length).toBeGreaterThan(reads + 3);
      const made = web.latest.mock.calls.length - reads;
      // With one poll for each follower there would be 50 of them a pause.
      expect(made / Math.max(1, (performance.now() - from) / 100)).toBeLessThan(10);
    }
    followers.forEach(({ subscription }) => subscription.unsubscribe());
    const reads = web.latest.mock.calls.length;
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect(web.latest.mock.calls.length - reads).toBeLessThanOrEqual(1);
  });

  test.skipIf(isEmbedded(connection))('goes on when the server refuses for a while', async () => {
    const { web } = await start();
    const task = web.runner.start(web.work, 'mendable');
    await task.stored();
    const held = web.runner.start(web.work, 'hold');
    await expect.poll(() => web.registry.get(held.id)).toMatchObject({ status: 'running' });
    const { seen } = collect(web.registry.follow(held.id));
    await expect.poll(() => seen.records.length).toBeGreaterThan(0);
    let refused = 0;
    web.latest.mockImplementation(async () => {
      refused++;
      throw new TaskQueueError('not now');
    });
    // An earlier reading can be on its way.
    await expect.poll(() => refused).toBeGreaterThan(0);
    gate.open();
    await expect.poll(() => refused).toBeGreaterThan(3);
    expect(seen.end).toBeUndefined();
    web.latest.mockRestore();
    await expect.poll(() => seen.end).toBe('complete');
    expect(seen.records.at(-1)).toMatchObject({ status: 'completed', result: 'held' });
  });

  test.skipIf(isEmbedded(connection))('says that a task was removed from its queue', async () => {
    const { app, runner, registry, work } = await startOne(ownPrefix(), false);
    const task = runner.start(work, 'mendable');
    const { seen } = collect(registry.follow(task.id));
    await task.stored();
    await app.get(BullMqQueues).get('work').remove(task.id);
    await expect.poll(() => seen.end).toBe('complete');
    expect(seen.records.at(-1)).toMatchObject({ status: 'cancelled', error: { name: 'TaskCancelledError' } });
  });

  test.skipIf(isEmbedded(connection))('follows a task again that is retried', async () => {
    const { web } = await start();
    isBroken = true;
    const task = web.runner.start(web.work, 'mendable');
    expect(await lastValueFrom(web.registry.follow(task.id))).toMatchObject({ status: 'failed' });
    isBroken = false;
    expect(await web.registry.retry(task.id)).toBe(true);
    expect(await lastValueFrom(web.registry.follow(task.id))).toMatchObject({ status: 'completed', result: 'mended' });
  });

  test.skipIf(isEmbedded(connection))('follows a duplicate, and a run of a task that repeats', async () => {
    const { web } = await start();
    const first = web.runner.with({ deduplication: { id: 'one' } }).start(web.work, 'hold');
    await first.stored();
    const second = web.runner.with({ deduplication: { id: 'one' } }).start(web.work, 'hold');
    const { seen } = collect(web.registry.follow(second.id));
    await second.stored();
    gate.open();
    await expect.poll(() => seen.end).toBe('complete');
    expect(seen.records.at(-1)).toMatchObject({ id: first.id, status: 'completed' });

    await expect.poll(() => web.registry.list({ queue: 'ticks', limit: 1 })).toHaveLength(1);
    const [run] = await web.registry.list({ queue: 'ticks', limit: 1 });
    expect(await lastValueFrom(web.registry.follow(run!.id))).toMatchObject({
      id: run!.id,
      status: 'completed',
      result: 'ticked',
    });
  });

  test('hears of the end of a task that settles while the application closes, also if its queue says so late', async () => {
    const { app, runner, registry, work, latest } = await startOne(ownPrefix(), {});
    const task = runner.start(work, 'hold');
    const { seen } = collect(registry.follow(task.id));
    await expect.poll(() => seen.records.at(-1)).toMatchObject({ status: 'running', progress: { done: 1 } });
    for (let times = 0; times < 3; times++) {
      latest.mockRejectedValueOnce(new TaskQueueError('not now'));
    }
    const closed = app.close();
    gate.open();
    await closed;
    expect(seen).toMatchObject({ end: 'complete' });
    expect(seen.records.at(-1)).toMatchObject({ status: 'completed', result: 'held' });
  });

  test('does not hold the shutdown up for a task that goes back to its queue', async () => {
    const { app, runner, registry, work, latest } = await startOne(ownPrefix(), {}, { shutdownTimeout: 100 });
    const task = runner.start(work, 'hold');
    const { seen } = collect(registry.follow(task.id));
    await expect.poll(() => seen.records.at(-1)).toMatchObject({ status: 'running', progress: { done: 1 } });
    latest.mockRejectedValue(new TaskQueueError('not now'));
    const ends = vi.spyOn(app.get(EndsUnderway), 'add');
    await app.close();
    expect(ends).not.toHaveBeenCalled();
    expect(seen.end).toBe('complete');
    expect(seen.records.at(-1)).not.toHaveProperty('finishedAt');
  });

  test.skipIf(isEmbedded(connection))(
    'completes when the application closes, before the task has settled',
    async () => {
      const { app, runner, registry, work } = await startOne(ownPrefix(), false);
      const task = runner.start(work, 'mendable');
      await task.stored();
      expect(await firstValueFrom(registry.follow(task.id))).toMatchObject({ status: 'pending' });
      const { seen } = collect(registry.follow(task.id));
      await app.close();
      expect(seen.end).toBe('complete');
    },
  );
});
