import { expect, test } from 'vitest';
import { TaskArgumentError, TaskThreadError } from 'nestjs-background-tasks';
import { idleThreadLost } from '../lib/engine/engine.messages.ts';
import {
  argumentNotCloned,
  resultNotCloned,
  threadCrashed,
  threadExited,
  threadNotStarted,
  threadOutOfMemory,
} from '../lib/threads/threads.messages.ts';
import {
  add,
  crash,
  exhaust,
  exit,
  fail,
  identity,
  leaveCrash,
  returnsFunction,
  RowError,
} from './fixtures/threads/math.task.ts';
import { startApp } from './fixtures/start-app.ts';

const start = (pool = {}) => startApp({}, { onFailure: 'continue', pool: { maxThreads: 1, ...pool } });

test('an error arrives with its name, message, stack, cause and own properties', async () => {
  const { runner } = await start();
  const task = runner.start(fail, 'error');
  expect(await task.settled()).toMatchObject({ status: 'failed', error: { name: 'RowError', message: 'bad row' } });
  expect(() => fail('error')).toThrow(RowError);
  const error = task.error as RowError;
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({ name: 'RowError', message: 'bad row', row: 7 });
  expect(error.stack).toMatch(/^RowError: bad row\n {4}at .*fail .*math\.task\.ts/s);
  expect(error.cause).toBeInstanceOf(TypeError);
  expect(error.cause).toMatchObject({ message: 'not a number' });
});

test.each([
  ['string', 'a string'],
  ['undefined', undefined],
])('what is thrown need not be an error: %s', async (what, thrown) => {
  const { runner } = await start();
  const task = runner.start(fail, what);
  expect(await task.settled()).toMatchObject({ status: 'failed' });
  expect(task.error).toBe(thrown);
});

test.each([
  ['uncloneable', 'holds a function'],
  ['hostile', expect.any(String)],
])('an error that can’t be sent as it is arrives all the same: %s', async (what, message) => {
  const { runner } = await start();
  expect(await runner.start(fail, what).settled()).toMatchObject({ status: 'failed', error: { message } });
  expect(await runner.start(add, 1, 2).settled()).toMatchObject({ result: 3 });
});

test('addTask refuses an argument that can’t be cloned, and names its number', async () => {
  const { runner } = await start();
  const callback = () => undefined;
  expect(() => runner.start(identity, callback)).toThrow(
    new TaskArgumentError(argumentNotCloned('identity', 0, 'it holds the function callback')),
  );
  expect(() => runner.start(add as (...args: unknown[]) => number, 1, { callback })).toThrow(
    /argument 2 can't be cloned/,
  );
  expect(() => runner.start(identity, Symbol('x'))).toThrow(TaskArgumentError);
  await runner.drain(5_000);
});

test('a result that can’t be cloned is an error that says so', async () => {
  const { runner } = await start();
  const task = runner.start(returnsFunction);
  expect(await task.settled()).toMatchObject({
    status: 'failed',
    error: { name: 'TaskThreadError', message: resultNotCloned('returnsFunction') },
  });
  expect((task.error as Error).cause).toMatchObject({ message: 'it holds the function callback' });
  expect(await runner.start(add, 1, 2).settled()).toMatchObject({ result: 3 });
});

test('a thread that ends under its task fails that one, and the next run in their order', async () => {
  const { runner } = await start({ resourceLimits: { maxOldGenerationSizeMb: 32 } });
  const order: string[] = [];
  runner.events.subscribe(({ type, task }) => void (type === 'started' && order.push(task.name)));
  const tasks = [
    runner.with({ name: '1' }).start(add, 1, 1),
    runner.with({ name: '2' }).start(exit, 3),
    runner.with({ name: '3' }).start(add, 1, 2),
    runner.with({ name: '4' }).start(crash),
    runner.with({ name: '5' }).start(add, 1, 3),
    runner.with({ name: '6' }).start(exhaust),
    runner.with({ name: '7' }).start(add, 1, 4),
  ];
  await runner.drain();
  expect(tasks.map(({ status }) => status)).toEqual([
    'completed',
    'failed',
    'completed',
    'failed',
    'completed',
    'failed',
    'completed',
  ]);
  expect([0, 2, 4, 6].map((i) => tasks[i]!.result)).toEqual([2, 3, 4, 5]);
  expect([1, 3, 5].map((i) => tasks[i]!.error)).toEqual([
    new TaskThreadError(threadExited('2', '3')),
    new TaskThreadError(threadCrashed('4'), { cause: new Error('nobody catches this') }),
    new TaskThreadError(threadOutOfMemory('6'), { cause: expect.anything() }),
  ]);
  expect(order).toEqual(['1', '2', '3', '4', '5', '6', '7']);
});

test('an idle thread that ends by what a task left behind is logged and replaced', async () => {
  const { runner, log } = await start();
  expect(await runner.start(leaveCrash).settled()).toMatchObject({ status: 'completed' });
  await expect.poll(() => log.said('warn').map(({ message }) => message)).toEqual([idleThreadLost()]);
  expect(log.said('warn')[0]?.rest[0]).toContain('left behind');
  expect(await runner.start(add, 1, 2).settled()).toMatchObject({ result: 3 });
});

test.each([
  ['an argument that Node refuses', { execArgv: ['--no-such-flag'] }],
  ['the same, with threads to be kept', { minThreads: 1, execArgv: ['--no-such-flag'] }],
  ['a module to preload that is not there', { execArgv: ['--import', 'file:///nowhere/preload.js'] }],
])('threads that can’t start fail their tasks: %s', async (_label, pool) => {
  const { runner } = await start({ maxThreads: 2, ...pool });
  const tasks = [runner.start(add, 1, 1), runner.start(add, 1, 2), runner.start(add, 1, 3)];
  for (const task of tasks) {
    expect(await task.settled()).toMatchObject({
      status: 'failed',
      error: { name: 'TaskThreadError', message: threadNotStarted('add') },
    });
  }
  await runner.drain(5_000);
});
