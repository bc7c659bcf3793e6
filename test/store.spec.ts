import { execFile } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import KeyvRedis from '@keyv/redis';
import { Controller, Get } from '@nestjs/common';
import { Keyv } from 'keyv';
import { expect, onTestFinished, test, vi } from 'vitest';
import {
  BackgroundTask,
  BackgroundTasks,
  Tasks,
  TaskRegistry,
  TaskStoreError,
  type TaskStore,
} from 'nestjs-background-tasks';
import { SharedRecords, type StoreObserver } from '../lib/records/shared-records.ts';
import { recordRefused, storeFailed } from '../lib/engine/engine.messages.ts';
import { storeUnavailable } from '../lib/records/records.messages.ts';
import { Gate } from './fixtures/gate.ts';
import { findRedis } from './fixtures/redis-server.ts';
import { startApp } from './fixtures/start-app.ts';

const unknown = '5c9a6a4e-5d1e-4a0c-8a0e-000000000000';

test('records are shared through a Keyv, embedded by default', async () => {
  const store = new Keyv();
  const [a, b] = [await startApp({}, { store }), await startApp({}, { store, history: { max: 0 } })];
  const task = a.runner.start(() => 'of a');
  const registry = b.app.get(TaskRegistry);
  await expect.poll(() => registry.get(task.id)).toMatchObject({ status: 'completed', result: 'of a', attempts: 1 });
  expect(await registry.get(unknown)).toBeUndefined();
  expect(await registry.cancel(task.id)).toBe(false);
});

test('another process reads the records of this one from a real Redis', async ({ skip }) => {
  const redis = await findRedis();
  if (!redis) {
    skip('there is no Redis at REDIS_URL, and none can be started');
    return;
  }
  onTestFinished(() => redis.stop());
  const namespace = `tasks-${process.pid}-${Date.now()}`;
  const adapter = new KeyvRedis(redis.url);
  const store = new Keyv({ store: adapter, namespace });
  onTestFinished(() => store.disconnect());
  const { runner } = await startApp({}, { store });
  const task = runner.with({ name: 'far away' }).start(() => ({ rows: 3 }));
  const failed = runner.start(() => Promise.reject(new RangeError('boom')));
  await runner.drain();
  await expect.poll(() => store.get(`task:${failed.id}`)).toMatchObject({ status: 'failed' });
  const reader = join(import.meta.dirname, 'fixtures/read-records.ts');
  const tsx = pathToFileURL(join(import.meta.dirname, '../node_modules/tsx/dist/loader.mjs')).href;
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--import',
    tsx,
    reader,
    redis.url,
    namespace,
    task.id,
    failed.id,
    unknown,
  ]);
  expect(JSON.parse(stdout)).toEqual([
    await task.settled(),
    expect.objectContaining({ status: 'failed', error: { name: 'RangeError', message: 'boom' } }),
    null,
  ]);
});

test('a foreign value under a task’s key is no record', async () => {
  const store = new Keyv();
  const { app } = await startApp({}, { store });
  const registry = app.get(TaskRegistry);
  for (const value of ['text', 5, { id: 'another', status: 'completed' }, { id: unknown }]) {
    await store.set(`task:${unknown}`, value);
    expect(await registry.get(unknown)).toBeUndefined();
  }
  const get = vi.spyOn(store, 'get');
  expect(await registry.get('session:5')).toBeUndefined();
  expect(get).not.toHaveBeenCalled();
});

test('a result that JSON can’t express is left out of the store', async () => {
  const store = new Keyv();
  const { runner } = await startApp({}, { store });
  const circle: Record<string, unknown> = {};
  circle['itself'] = circle;
  const task = runner.start(() => circle);
  await task.settled();
  await expect.poll(() => store.get(`task:${task.id}`)).toMatchObject({ status: 'completed' });
  expect(await store.get(`task:${task.id}`)).not.toHaveProperty('result');
});

/** A store whose calls succeed, fail or hang, as the test sets it. */
class UnreliableStore implements TaskStore {
  readonly records = new Map<string, unknown>();
  mode: 'works' | 'fails' | 'hangs' = 'works';
  calls = 0;

  async get(key: string): Promise<unknown> {
    await this.#behave();
    return this.records.get(key);
  }

  async set(key: string, value: unknown): Promise<void> {
    await this.#behave();
    this.records.set(key, value);
  }

  async #behave(): Promise<void> {
    this.calls++;
    if (this.mode === 'hangs') {
      await new Promise(() => undefined);
    }
    if (this.mode === 'fails') {
      throw new Error('the store is down');
    }
  }
}

/** Refuses the records of tasks named `large`. */
class ChoosyStore extends UnreliableStore {
  override async set(key: string, value: unknown): Promise<void> {
    if ((value as { name: string }).name === 'large') {
      throw new Error('too large');
    }
    await super.set(key, value);
  }
}

const nobody: StoreObserver = { storeFailed: () => undefined, recordRefused: () => undefined };

@Controller()
class AnsweringController {
  @Get()
  get(@Tasks() tasks: BackgroundTasks) {
    tasks.addTask(() => 'done');
    return 'answered';
  }
}

test.each(['fails', 'hangs'] as const)('a store that %s delays no task and no response', async (mode) => {
  const store = new UnreliableStore();
  store.mode = mode;
  const { url, runner } = await startApp({ controllers: [AnsweringController] }, { store });
  for (let i = 0; i < 10; i++) {
    expect(await (await fetch(url)).text()).toBe('answered');
  }
  await runner.drain(4_000);
  expect(runner.stats().completed).toBe(10);
  expect(store.records.size).toBe(0);
});

test('the log has a warning of a store that fails', async () => {
  const store = new UnreliableStore();
  store.mode = 'fails';
  const { app, runner, log } = await startApp({}, { store });
  await runner.start(() => 'done').settled();
  await expect.poll(() => log.said('warn').map(({ message }) => message)).toEqual([storeFailed()]);
  await expect(app.get(TaskRegistry).get(unknown)).rejects.toMatchObject({
    name: TaskStoreError.name,
    message: storeUnavailable(unknown),
  });
});

test.each(['fails', 'hangs'] as const)(
  'a store that %s gets one warning, is tried again, and then gets all records',
  async (mode) => {
    const store = new UnreliableStore();
    store.mode = mode;
    const failures: unknown[] = [];
    const shared = new SharedRecords(
      store,
      60_000,
      { storeFailed: (error) => failures.push(error), recordRefused: (_task, error) => failures.push(error) },
      { answer: 10, retry: 10, warning: 0 },
    );
    const tasks = Array.from({ length: 100 }, (_, i) => new BackgroundTask(`task ${i}`));
    tasks.forEach((task) => shared.write(task));
    await expect.poll(() => store.calls).toBeGreaterThan(30);
    expect(failures).toHaveLength(1);
    store.mode = 'works';
    await expect.poll(() => store.records.size).toBe(100);
    store.mode = mode;
    shared.write(tasks[0]!);
    await expect.poll(() => failures.length).toBe(2);
  },
);

test('while a store fails, the newest 10,000 records wait for it, in the order of their changes', async () => {
  const store = new UnreliableStore();
  store.mode = 'fails';
  const shared = new SharedRecords(store, 60_000, nobody, { answer: 1_000, retry: 1, warning: 0 });
  const tasks = Array.from({ length: 10_050 }, (_, i) => new BackgroundTask(`task ${i}`));
  const [first, second] = tasks as [BackgroundTask, BackgroundTask];
  tasks.slice(0, 10_000).forEach((task) => shared.write(task));
  first.start();
  shared.write(first);
  tasks.slice(10_000).forEach((task) => shared.write(task));
  store.mode = 'works';
  await expect.poll(() => store.records.size).toBe(10_000);
  expect(store.records.get(`task:${first.id}`)).toMatchObject({ status: 'running' });
  expect(store.records.has(`task:${second.id}`)).toBe(false);
  expect([...store.records.keys()].at(-1)).toBe(`task:${tasks.at(-1)!.id}`);
});

test('two states of one task never overtake each other', async () => {
  const store = new UnreliableStore();
  const order: string[] = [];
  const first = new Gate();
  store.set = async (_key, value) => {
    const { status } = value as { status: string };
    if (status === 'pending') {
      await first.opened;
    }
    order.push(status);
  };
  const shared = new SharedRecords(store, 60_000, nobody);
  const task = new BackgroundTask('task');
  shared.write(task);
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  task.start();
  shared.write(task);
  task.complete('done');
  shared.write(task);
  await new Promise(setImmediate);
  first.open();
  await expect.poll(() => order).toEqual(['pending', 'completed']);
});

test('the store gets the newest state of a task that changes often', async () => {
  const store = new UnreliableStore();
  const { runner } = await startApp({}, { store });
  const gate = new Gate();
  const task = runner.start(() => gate.opened);
  await expect.poll(() => store.records.get(`task:${task.id}`)).toMatchObject({ status: 'running' });
  gate.open();
  await expect.poll(() => store.records.get(`task:${task.id}`)).toMatchObject({ status: 'completed' });
  expect(store.calls).toBeLessThanOrEqual(3);
});

/** Like the adapter for Redis: it emits errors as events and doesn't reject. */
class TellingAdapter extends EventEmitter {
  readonly opts = {};
  isBroken = true;
  readonly #values = new Map<string, unknown>();

  async get(key: string): Promise<unknown> {
    if (this.isBroken) {
      this.emit('error', new Error('no reading'));
      return undefined;
    }
    return this.#values.get(key);
  }

  async set(key: string, value: unknown): Promise<boolean> {
    if (this.isBroken) {
      this.emit('error', new Error('no writing'));
    } else {
      this.#values.set(key, value);
    }
    return true;
  }

  async delete(key: string): Promise<boolean> {
    return this.#values.delete(key);
  }

  async clear(): Promise<void> {
    this.#values.clear();
  }
}

test('errors that a Keyv only emits are noticed, and the record is written again', async () => {
  const adapter = new TellingAdapter();
  const store = new Keyv({ store: adapter });
  const { app, runner, log } = await startApp({}, { store, history: { max: 0 } });
  const registry = app.get(TaskRegistry);
  const task = runner.start(() => 'done');
  await task.settled();
  await expect.poll(() => log.said('warn').map(({ message }) => message)).toEqual([storeFailed()]);
  const failure = registry.get(task.id);
  await expect(failure).rejects.toBeInstanceOf(TaskStoreError);
  await expect(failure).rejects.toMatchObject({
    message: storeUnavailable(task.id),
    status: 503,
    cause: new Error('no reading'),
  });
  adapter.isBroken = false;
  await expect.poll(() => registry.get(task.id), { timeout: 5_000 }).toMatchObject({ result: 'done' });
});

test('a store that answers false has failed', async () => {
  const failures: string[] = [];
  const store = new UnreliableStore();
  store.set = async () => false as never;
  const shared = new SharedRecords(
    store,
    60_000,
    { ...nobody, storeFailed: (error) => failures.push((error as Error).message) },
    { answer: 1_000, retry: 1, warning: 60_000 },
  );
  shared.write(new BackgroundTask('task'));
  await expect.poll(() => failures).toEqual(['it answered false']);
});

test('a record that the store refuses many times, while it accepts others, is given up', async () => {
  const store = new ChoosyStore();
  const refused: string[] = [];
  const shared = new SharedRecords(
    store,
    60_000,
    { ...nobody, recordRefused: (task) => refused.push(recordRefused(task)) },
    { answer: 1_000, retry: 1, warning: 60_000 },
  );
  const large = new BackgroundTask('large');
  shared.write(large);
  await expect
    .poll(() => {
      shared.write(new BackgroundTask('small'));
      return refused;
    })
    .toEqual([recordRefused(large)]);
  await shared.flush(1_000);
  expect(refused).toHaveLength(1);
});

test('the record of a task that runs for longer than history.ttl is kept', async () => {
  const store = new Keyv();
  const { runner } = await startApp({}, { store, history: { ttl: 40 } });
  const gate = new Gate();
  const task = runner.start(() => gate.opened);
  const startedAt = performance.now();
  await expect.poll(() => store.get(`task:${task.id}`)).toMatchObject({ status: 'running' });
  await expect.poll(() => performance.now() - startedAt).toBeGreaterThan(200);
  await expect.poll(() => store.get(`task:${task.id}`)).toMatchObject({ status: 'running' });
  gate.open();
  await task.settled();
  await expect.poll(() => store.get(`task:${task.id}`)).toBeUndefined();
});

test('records without a ttl never expire', async () => {
  const store = new UnreliableStore();
  const set = vi.spyOn(store, 'set');
  const { runner } = await startApp({}, { store, history: { ttl: Infinity } });
  await runner.start(() => 1).settled();
  await expect.poll(() => set.mock.calls.length).toBeGreaterThan(0);
  expect(set.mock.calls[0]).toEqual([expect.any(String), expect.any(Object), undefined]);
});

test('waiting records are written before the application has closed', async () => {
  const store = new UnreliableStore();
  const { set } = store;
  store.set = async (key, value) => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    await set.call(store, key, value);
  };
  const { app, runner } = await startApp({}, { store });
  const tasks = Array.from({ length: 20 }, () => runner.start(() => 'done'));
  await runner.drain();
  await app.close();
  const statuses = tasks.map(({ id }) => store.records.get(`task:${id}`) as { status: string });
  expect(statuses).toEqual(Array(20).fill(expect.objectContaining({ status: 'completed' })));
});

test('a late write is followed by a write of the current state', async () => {
  const store = new UnreliableStore();
  const { set } = store;
  const first = new Gate();
  let calls = 0;
  store.set = async (key, value) => {
    if (calls++ === 0) {
      await first.opened;
    }
    await set.call(store, key, value);
  };
  const shared = new SharedRecords(store, 60_000, nobody, { answer: 10, retry: 1, warning: 60_000 });
  const task = new BackgroundTask('task');
  task.start();
  shared.write(task);
  await expect.poll(() => calls).toBeGreaterThan(0);
  task.complete('done');
  shared.write(task);
  await expect.poll(() => store.records.get(`task:${task.id}`)).toMatchObject({ status: 'completed' });
  const before = calls;
  first.open();
  await expect.poll(() => calls).toBeGreaterThan(before);
  await expect.poll(() => store.records.get(`task:${task.id}`)).toMatchObject({ status: 'completed' });
});

test('a refused record loses no other record when the application closes', async () => {
  const store = new ChoosyStore();
  const { app, runner, log } = await startApp({}, { store, shutdownTimeout: 5_000 });
  runner.with({ name: 'large' }).start(() => 'large');
  await expect.poll(() => log.said('warn')).toHaveLength(1);
  const tasks = Array.from({ length: 5 }, () => runner.start(() => 'small'));
  await app.close();
  for (const { id } of tasks) {
    expect(store.records.get(`task:${id}`)).toMatchObject({ status: 'completed' });
  }
});
