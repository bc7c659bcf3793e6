import { threadId } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { currentTask, move } from 'nestjs-background-tasks';
import { add, chatty, double, identity, steps, where, whoAmI } from './fixtures/threads/math.task.ts';
import { startApp } from './fixtures/start-app.ts';

const start = () => startApp({}, { pool: { maxThreads: 2 } });

test('a task that is defined with thread runs in a thread, and called directly it runs here', async () => {
  const { runner } = await start();
  const task = runner.start(where);
  expect(await task.settled()).toMatchObject({ name: 'where', status: 'completed', result: { isMainThread: false } });
  expect(task.result?.threadId).not.toBe(threadId);
  expect((await where()).threadId).toBe(threadId);
  expect(add(1, 2)).toBe(3);
  expect([add.name, add.length]).toEqual(['add', 2]);
  expect(await runner.start(add, 1, 2).settled()).toMatchObject({ status: 'completed', result: 3 });
});

test('currentTask() works inside', async () => {
  const { runner } = await start();
  const task = runner.with({ name: 'me' }).start(whoAmI);
  expect(await task.settled()).toMatchObject({
    result: { id: task.id, name: 'me', attempt: 1, isAborted: false },
  });
  expect(currentTask()).toBeUndefined();
});

test('all progress arrives, the last before the task settles', async () => {
  const { runner } = await start();
  const seen: unknown[] = [];
  runner.events.subscribe(({ type, task }) => void (type === 'progress' && seen.push(task.progress)));
  for (const count of [1, 2, 100]) {
    seen.length = 0;
    const task = runner.start(steps, count);
    await task.settled();
    expect(task.progress).toEqual({ step: count });
    expect(seen.at(-1)).toEqual({ step: count });
  }
});

test('arguments arrive as they were when the task was added', async () => {
  const { runner } = await start();
  const value = {
    date: new Date(0),
    map: new Map([['a', new Set([1n])]]),
    nothing: undefined,
    bytes: new Uint8Array([1, 2, 3]),
    error: new TypeError('kept'),
    nested: { list: [1, { a: 1 }] },
  };
  const expected = structuredClone(value);
  const task = runner.start(identity, value);
  value.nested.list.length = 0;
  value.map.clear();
  expect((await task.settled()).result).toEqual(expected);
});

test('memory is moved where it is marked, and copied elsewhere', async () => {
  const { runner } = await start();
  const copied = new Float64Array([1, 2, 3]);
  const moved = new Float64Array([1, 2, 3]);
  const results = await Promise.all([
    runner.start(double, copied).settled(),
    runner.start(double, move(moved)).settled(),
  ]);
  expect(results.map(({ result }) => result)).toEqual([new Float64Array([2, 4, 6]), new Float64Array([2, 4, 6])]);
  expect(copied).toEqual(new Float64Array([1, 2, 3]));
  expect(moved.byteLength).toBe(0);
});

test('memory that is shared with others is copied all the same', async () => {
  const { runner } = await start();
  const shared = Buffer.from('abc');
  const other = Buffer.from('def');
  expect(shared.buffer).toBe(other.buffer);
  const { result } = await runner.start(identity, move(shared)).settled();
  expect(Buffer.from(result as Uint8Array).toString()).toBe('abc');
  expect(other.toString()).toBe('def');
});

test('a task may talk to the parent port itself', async () => {
  const { runner } = await start();
  expect(await runner.start(chatty).settled()).toMatchObject({ status: 'completed', result: 'said' });
});

test('tasks on the event loop have a currentTask() too', async () => {
  const { runner } = await start();
  const task = runner.start(async () => {
    currentTask()?.updateProgress(0.5);
    await new Promise(setImmediate);
    const { id, name, attempt, signal } = currentTask()!;
    return { id, name, attempt, isAborted: signal.aborted };
  });
  await task.settled();
  expect(task.result).toEqual({ id: task.id, name: 'anonymous', attempt: 1, isAborted: false });
  expect(task.progress).toBe(0.5);
});
