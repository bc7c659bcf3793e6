import { expect, test } from 'vitest';
import { move, TaskArgumentError } from 'nestjs-background-tasks';
import { taskCancelled } from '../lib/errors/task.errors.ts';
import { moveOfOther } from '../lib/task/task.messages.ts';
import {
  argumentNotCloned,
  moduleNotLoaded,
  resultNotCloned,
  threadCrashed,
  threadExited,
  threadNotStarted,
} from '../lib/threads/threads.messages.ts';
import { half } from './fixtures/threads/half.task.ts';
import {
  addTo,
  changeProgress,
  enterTenant,
  failWith,
  forgeMessages,
  nestDeeply,
  nestProgress,
  readTenant,
  throwLater,
} from './fixtures/threads/hostile.task.ts';
import { add, block, exit, identity, ignoreAbort } from './fixtures/threads/math.task.ts';
import { startApp, type StartedApp } from './fixtures/start-app.ts';

const start = (pool = {}) => startApp({}, { pool: { maxThreads: 1, ...pool } });

const worksOn = async ({ runner }: StartedApp) =>
  expect(await runner.start(add, 1, 2).settled()).toMatchObject({ result: 3 });

test.each([null, undefined])('a thread ends by throw %s', async (what) => {
  const app = await start();
  const task = app.runner.start(throwLater, what);
  expect(await task.settled()).toMatchObject({ status: 'failed', error: { message: threadCrashed('throwLater') } });
  await worksOn(app);
});

test('a thread exits with a negative code', async () => {
  const app = await start();
  const task = app.runner.start(exit, -1);
  expect(await task.settled()).toMatchObject({ error: { message: threadExited('exit', '-1') } });
  await worksOn(app);
});

test('a subscriber cancels a task when it begins', async () => {
  const app = await start();
  for (let i = 0; i < 3; i++) {
    const subscription = app.runner.events.subscribe(({ type }) => void (type === 'started' && task.cancel()));
    const task = app.runner.start(block, 60_000);
    expect(await task.settled()).toMatchObject({
      status: 'cancelled',
      error: { message: taskCancelled('block', 'requested') },
    });
    subscription.unsubscribe();
    await worksOn(app);
  }
});

test('a result that is nested too deeply to be read is an error, and one that is not arrives', async () => {
  const app = await start();
  for (const levels of [1_500, 5_000, 100_000]) {
    const task = app.runner.start(nestDeeply, levels);
    expect(await task.settled()).toMatchObject({
      status: 'failed',
      error: { name: 'TaskThreadError', message: resultNotCloned('nestDeeply') },
    });
    expect((task.error as Error).cause).toMatchObject({ message: 'It is nested more than 1000 levels deep.' });
  }
  expect(await app.runner.start(nestDeeply, 900).settled()).toMatchObject({ status: 'completed' });
  const progress = await app.runner.start(nestProgress, 5_000).settled();
  expect(progress).toMatchObject({ status: 'failed', error: { name: 'RangeError' } });
});

test('progress is copied when the task reports it', async () => {
  const { runner } = await start();
  const task = runner.start(changeProgress);
  await task.settled();
  expect(task.progress).toEqual({ step: 1 });
});

test('a task that sends messages like ours disturbs nothing', async () => {
  const app = await start();
  expect(await app.runner.start(forgeMessages).settled()).toMatchObject({ result: 'forged' });
  await worksOn(app);
});

test('own properties of an error arrive as they are, even if it has toJSON', async () => {
  const { runner } = await start();
  const task = runner.start(failWith, 'rich');
  await task.settled();
  expect(task.error).toBeInstanceOf(Error);
  expect(task.error).toMatchObject({
    message: 'rich',
    at: new Date(0),
    rows: new Map([['a', 1n]]),
    bytes: new Uint8Array([1, 2]),
    big: 2n,
  });
});

test.each([
  ['domException', { name: 'AbortError', message: 'given up' }],
  ['other realm', { name: 'TypeError', message: 'from elsewhere' }],
  ['proxy', { name: 'Error' }],
  ['nested', { name: 'Error', message: 'nested' }],
] as const)('strange things are thrown: %s', async (what, error) => {
  const app = await start();
  expect(await app.runner.start(failWith, what).settled()).toMatchObject({ status: 'failed', error });
  await worksOn(app);
});

test('a module that throws while it loads is never used', async () => {
  const { runner } = await start();
  const message = moduleNotLoaded('half', new URL('fixtures/threads/half.task.ts', import.meta.url).href);
  for (let i = 0; i < 2; i++) {
    expect(await runner.start(half).settled()).toMatchObject({ status: 'failed', error: { message } });
  }
});

test('a task that is cancelled in its grace after a timeout is not retried', async () => {
  const app = await start();
  const task = app.runner.with({ timeout: 200, attempts: 3 }).start(ignoreAbort);
  await expect.poll(() => task.progress, { timeout: 10_000 }).toBe(1);
  await new Promise<void>((resolve) => {
    const begun = Number(task.startedAt);
    const look = () => (Date.now() - begun > 250 ? resolve() : void setTimeout(look, 5));
    look();
  });
  expect(task.status).toBe('running');
  expect(task.cancel()).toBe(true);
  expect(await task.settled()).toMatchObject({ status: 'cancelled', attempts: 1 });
});

test('threads that can’t start for a while don’t end those that run, and start again later', async () => {
  let isBroken = false;
  const env = {
    get SOMETHING() {
      if (isBroken) {
        throw new Error('no environment today');
      }
      return 'something';
    },
  };
  const app = await start({ maxThreads: 2, env });
  const running = app.runner.start(block, 300);
  await expect.poll(() => running.status, { timeout: 10_000 }).toBe('running');
  isBroken = true;
  const unlucky = await app.runner.start(add, 1, 1).settled();
  expect(unlucky).toMatchObject({ status: 'failed', error: { message: threadNotStarted('add') } });
  isBroken = false;
  await worksOn(app);
  expect(await running.settled()).toMatchObject({ status: 'completed' });
  // The retired pool still holds the task that it could not start. Its thread is free now, and must not run it again.
  let adds = 0;
  app.runner.events.subscribe(({ type, task }) => void (type === 'started' && task.name === 'add' && adds++));
  await worksOn(app);
  expect(adds).toBe(1);
});

test('an argument that can’t be cloned only now and then is refused all the same', async () => {
  const { runner } = await start();
  let reads = 0;
  const moody = {
    get mood() {
      if (reads++ === 0) {
        throw new Error('not yet');
      }
      return 'good';
    },
  };
  expect(() => runner.start(identity, moody)).toThrow(
    new TaskArgumentError(argumentNotCloned('identity', -1, 'cloning throws: Error')),
  );
  expect(runner.stats()).toMatchObject({ pending: 0 });
});

test('shared memory stays shared, and moved memory can’t be moved again', async () => {
  const { runner } = await start();
  const shared = new Int32Array(new SharedArrayBuffer(4));
  await runner.start(addTo, shared).settled();
  expect(shared[0]).toBe(1);

  const bytes = move(new Uint8Array(8));
  await runner.start(identity, bytes).settled();
  expect(() => runner.start(identity, bytes)).toThrow(/argument 1 can't be cloned/);
  expect(() => move('text' as unknown as ArrayBuffer)).toThrow(new TaskArgumentError(moveOfOther('a string')));
});

test('a thread that can’t be started once leaves no pool behind', async () => {
  let times = 0;
  const env = {
    get SOMETHING() {
      if (times++ === 0) {
        throw new Error('not the first time');
      }
      return 'something';
    },
  };
  const { app, runner } = await start({ maxThreads: 3, env });
  const tasks = Array.from({ length: 9 }, (_, i) => runner.start(add, i, 1));
  await runner.drain(20_000);
  expect(tasks.filter(({ status }) => status === 'failed')).toHaveLength(1);
  expect(runner.stats().threads.alive).toBeLessThanOrEqual(3);
  const ports = () => process.getActiveResourcesInfo().filter((name) => name === 'MessagePort').length;
  await app.close();
  // Node closes the ports of a thread that has exited in a later turn of the event loop.
  await expect.poll(ports).toBe(0);
});

test('what a task enters with enterWith is not the context of the next task in its thread', async () => {
  const { runner } = await start();
  await runner.start(enterTenant, 'secret').settled();
  expect(await runner.start(readTenant).settled()).toMatchObject({ status: 'completed', result: undefined });
});
