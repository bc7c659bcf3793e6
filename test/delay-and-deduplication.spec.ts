import { ConflictException, Controller, Get } from '@nestjs/common';
import { expect, test, vi } from 'vitest';
import { BackgroundTasks, TaskRegistry, Tasks } from 'nestjs-background-tasks';
import { Gate } from './fixtures/gate.ts';
import { startApp } from './fixtures/start-app.ts';

const turns = async () => {
  for (let i = 0; i < 5; i++) {
    await new Promise(setImmediate);
  }
};

async function withFakeTimers(run: () => Promise<void>): Promise<void> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] });
  try {
    await run();
  } finally {
    vi.useRealTimers();
  }
}

test('delay: a task starts no earlier than its delay after it was added', async () => {
  const { runner } = await startApp({});
  await withFakeTimers(async () => {
    const task = runner.with({ delay: 1_000 }).start(() => 'done');
    const cancelled = runner.with({ delay: 1_000 }).start(() => 'never');
    await turns();
    expect(runner.stats()).toMatchObject({ pending: 2, delayed: 2 });
    cancelled.cancel();
    expect(runner.stats()).toMatchObject({ pending: 1, delayed: 1, cancelled: 1 });
    vi.advanceTimersByTime(999);
    await turns();
    expect(task.status).toBe('pending');
    vi.advanceTimersByTime(1);
    await turns();
    expect(task.status).toBe('completed');
    expect(cancelled.startedAt).toBeUndefined();
  });
});

const gate = new Gate();
let ids: string[];

@Controller()
class DeduplicatingController {
  @Get()
  get(@Tasks() tasks: BackgroundTasks) {
    const once = tasks.with({ deduplication: { id: 'reindex' } });
    ids = [once.addTask(() => gate.opened).id, once.addTask(() => gate.opened).id];
    return tasks.tasks.length;
  }
}

test('deduplication: while a task with that id is unsettled, adding it again returns the same handle', async () => {
  const { url, runner } = await startApp({ controllers: [DeduplicatingController] });
  expect(await (await fetch(url)).text()).toBe('1');
  expect(ids[0]).toBe(ids[1]);
  const [id] = ids;
  expect(await (await fetch(url)).text()).toBe('0');
  expect(ids).toEqual([id, id]);
  const once = runner.with({ deduplication: { id: 'reindex' } });
  expect(once.start(() => undefined).id).toBe(id);
  expect(runner.with({ deduplication: { id: 'other' } }).start(() => undefined).id).not.toBe(id);
  gate.open();
  await runner.drain();
  const next = once.start(() => undefined);
  expect(next.id).not.toBe(id);
  expect(await next.settled()).toMatchObject({ status: 'completed' });
});

test.each(['failed', 'cancelled'] as const)('a deduplication id is free again when its task is %s', async (end) => {
  const { app, runner } = await startApp({}, { onFailure: 'stop' });
  const tasks = await app.resolve(BackgroundTasks);
  const first = tasks.with({ deduplication: { id: 'x' } }).addTask(() => Promise.reject(new Error('boom')));
  if (end === 'cancelled') {
    first.cancel();
  }
  await runner.drain();
  expect(first.status).toBe(end);
  const second = runner.with({ deduplication: { id: 'x' } }).start(() => 'second');
  expect(await second.settled()).toMatchObject({ status: 'completed', result: 'second' });
});

test('a deduplicated task whose first request fails runs for the second', async () => {
  const [added, goOn] = [new Gate(), new Gate()];
  let [ran, id] = [0, ''];
  @Controller()
  class TwoController {
    @Get('fails')
    async fails(@Tasks() tasks: BackgroundTasks) {
      tasks.with({ deduplication: { id: 'shared' } }).addTask(() => ran++);
      await added.opened;
      throw new ConflictException();
    }

    @Get('succeeds')
    async succeeds(@Tasks() tasks: BackgroundTasks) {
      ({ id } = tasks.with({ deduplication: { id: 'shared' } }).addTask(() => ran++));
      added.open();
      await goOn.opened;
    }
  }
  const { app, url, runner } = await startApp({ controllers: [TwoController] });
  const failing = fetch(`${url}/fails`);
  await expect.poll(() => runner.stats().pending).toBe(1);
  const succeeding = fetch(`${url}/succeeds`);
  expect((await failing).status).toBe(409);
  await new Promise(setImmediate);
  expect(ran).toBe(0);
  goOn.open();
  await succeeding;
  await runner.drain(5_000);
  expect(ran).toBe(1);
  expect(await app.get(TaskRegistry).get(id)).toMatchObject({ status: 'completed' });
  expect(runner.stats()).toMatchObject({ completed: 1, skipped: 0 });
});

test('no request waits for another because both added the same task', async () => {
  const [hanging, goOn] = [new Gate(), new Gate()];
  let ran = 0;
  @Controller()
  class TwoController {
    @Get('hangs')
    async hangs(@Tasks() tasks: BackgroundTasks) {
      tasks.with({ deduplication: { id: 'shared' } }).addTask(() => ran++);
      hanging.open();
      await goOn.opened;
    }

    @Get('answers')
    answers(@Tasks() tasks: BackgroundTasks) {
      tasks.with({ deduplication: { id: 'shared' } }).addTask(() => ran++);
    }
  }
  const { url, runner } = await startApp({ controllers: [TwoController] });
  const slow = fetch(`${url}/hangs`);
  await hanging.opened;
  await fetch(`${url}/answers`);
  await expect.poll(() => ran).toBe(1);
  goOn.open();
  await slow;
  await runner.drain(5_000);
  expect(ran).toBe(1);
  expect(runner.stats()).toMatchObject({ completed: 1, skipped: 0, pending: 0 });
});

test('adding a task that already runs leaves nothing behind', async () => {
  const { runner } = await startApp({});
  const running = new Gate();
  const once = runner.with({ deduplication: { id: 'shared' } });
  const task = once.start(() => running.opened);
  await expect.poll(() => task.status).toBe('running');
  const before = heapUsed();
  for (let i = 0; i < 50_000; i++) {
    once.start(() => running.opened);
  }
  await new Promise(setImmediate);
  expect(heapUsed() - before).toBeLessThan(5e6);
  running.open();
  await runner.drain();
});

function heapUsed(): number {
  globalThis.gc!();
  return process.memoryUsage().heapUsed;
}
