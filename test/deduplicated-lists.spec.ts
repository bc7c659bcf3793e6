import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { TaskArgumentError, type TaskOptions } from 'nestjs-background-tasks';
import { notDurable } from '../lib/durable/durable.messages.ts';
import { TaskEngine } from '../lib/engine/task-engine.ts';
import { readTaskCall } from '../lib/task/call/read-task-call.ts';
import { Gate } from './fixtures/gate.ts';
import { startApp } from './fixtures/start-app.ts';

/** Makes lists like those of requests. The test opens each when its response is over. */
async function startLists() {
  const { app, runner } = await startApp({});
  const ran: string[] = [];
  const create = () => {
    const list = app.get(TaskEngine).createList();
    const add = (name: string, options: TaskOptions = {}, fails = false, blocks = 0) =>
      list.add(
        readTaskCall('addTask', [
          () => {
            ran.push(name);
            // Longer than the tasks of one turn may take together: the others still wait when this one has failed.
            const end = performance.now() + blocks;
            while (performance.now() < end);
            if (fails) {
              throw new Error(`${name} fails`);
            }
          },
        ]),
        { name, ...options },
      );
    return {
      add,
      open: (outcome: 'success' | 'failure') => list.open(outcome),
      flushIn: () => list.flushIn({ query: () => Promise.reject(new Error('nobody asks')) }),
    };
  };
  return { create, ran, runner };
}

const once: TaskOptions = { deduplication: { id: 'x' } };
const parallel: TaskOptions = { execution: 'parallel' };

test('a claimant opens after another list has taken the task', async () => {
  const { create, ran, runner } = await startLists();
  const [first, second] = [create(), create()];
  const task = first.add('x', once);
  expect(second.add('x', once)).toBe(task);
  const last = second.add('last');
  first.open('success');
  await task.settled();
  second.open('success');
  await last.settled();
  await runner.drain();
  expect(ran).toEqual(['x', 'last']);
});

test('a task whose requests all failed is skipped, and no other is', async () => {
  const { create, ran, runner } = await startLists();
  const [first, second] = [create(), create()];
  const task = first.add('x', once);
  second.add('x', once);
  first.open('failure');
  second.open('failure');
  await runner.drain(5_000);
  expect(task.status).toBe('skipped');
  await runner.start(() => ran.push('other')).settled();
  expect(ran).toEqual(['other']);
});

test('a task that the new owner skips runs for its first owner', async () => {
  const { create, ran, runner } = await startLists();
  const [first, second] = [create(), create()];
  const task = first.add('x', once);
  second.add('fails', {}, true);
  second.open('success');
  expect(second.add('x', once)).toBe(task);
  await expect.poll(() => runner.stats().failed).toBe(1);
  expect(ran).toEqual(['fails']);
  first.open('success');
  await runner.drain(5_000);
  expect(ran).toEqual(['fails', 'x']);
});

test('each request’s own onFailure decides about the tasks after a shared one', async () => {
  const { create, ran, runner } = await startLists();
  const [first, second] = [create(), create()];
  const task = first.add('x', { ...once, onFailure: 'continue' }, true);
  first.add('next');
  second.open('success');
  second.add('x', once);
  await task.settled();
  first.open('success');
  await runner.drain(5_000);
  expect(ran).toEqual(['x', 'next']);
});

test('each request’s own execution decides where a shared task runs', async () => {
  const { create, ran, runner } = await startLists();
  const [first, second] = [create(), create()];
  first.add('fails', {}, true);
  const task = first.add('x', once);
  first.add('next');
  second.add('fails too', {}, true);
  expect(second.add('x', { ...once, ...parallel })).toBe(task);
  first.open('success');
  await expect.poll(() => runner.stats()).toMatchObject({ failed: 1, skipped: 1 });
  expect(task.status).toBe('pending');
  second.open('success');
  await runner.drain(5_000);
  expect(ran.toSorted()).toEqual(['fails', 'fails too', 'x']);
  expect(task.status).toBe('completed');
});

test('a parallel claim outlives a failure in its own list', async () => {
  const { create, ran, runner } = await startLists();
  const [first, second] = [create(), create()];
  const task = first.add('x', once);
  second.add('fails', {}, true);
  second.open('success');
  await expect.poll(() => runner.stats().failed).toBe(1);
  // It takes the task over, and would run it after the response of a request that has failed.
  expect(second.add('x', { ...once, ...parallel })).toBe(task);
  expect(await task.settled()).toMatchObject({ status: 'completed' });
  first.open('failure');
  await runner.drain(5_000);
  expect(ran).toEqual(['fails', 'x']);
});

test('a parallel claim on a task that waits in an open list outlives a failure in its own list', async () => {
  const { create, ran, runner } = await startLists();
  const [first, second] = [create(), create()];
  const slow = first.add('slow', { delay: 100_000 });
  const task = first.add('x', { ...once, runOn: 'failure' });
  first.open('success');
  second.open('success');
  const fails = second.add('fails', {}, true);
  expect(second.add('x', { ...once, ...parallel })).toBe(task);
  await fails.settled();
  slow.cancel();
  await runner.drain(5_000);
  expect(ran).toEqual(['fails', 'x']);
});

test('a task that a list takes over once more, now as a parallel one, is not skipped', async () => {
  const { create, ran, runner } = await startLists();
  const [first, second] = [create(), create()];
  first.add('fails', {}, true, 20);
  const task = first.add('x', once);
  first.add('next');
  second.open('success');
  second.add('fails too', {}, true);
  // The second list takes the task over, and hands it back when it fails.
  second.add('x', once);
  first.add('x', { ...once, ...parallel, runOn: 'always' });
  await expect.poll(() => runner.stats().failed).toBe(1);
  first.open('success');
  await runner.drain(5_000);
  expect(ran).toEqual(['fails too', 'fails', 'x']);
  expect(task.status).toBe('completed');
  expect(runner.stats()).toMatchObject({ skipped: 1 });
});

test('a shared task that fails as a parallel one in another list skips those after it in this one', async () => {
  const { create, ran, runner } = await startLists();
  const [first, second] = [create(), create()];
  const task = first.add('x', once, true);
  const next = first.add('next');
  second.open('success');
  second.add('x', { ...once, ...parallel });
  const beside = second.add('beside');
  await task.settled();
  first.open('success');
  await runner.drain(5_000);
  expect(ran).toEqual(['x', 'beside']);
  expect([next.status, beside.status]).toEqual(['skipped', 'completed']);
});

test('a transaction refuses a list whose only task is parallel and not durable', async () => {
  const { create } = await startLists();
  const list = create();
  const task = list.add('in this process', parallel);
  await expect(list.flushIn()).rejects.toThrow(new TaskArgumentError(notDurable('flush({ transaction })', task.name)));
});

test('for all orders and outcomes: a shared task runs once if one request succeeds, and all lists go on', async () => {
  const { create, ran, runner } = await startLists();
  const outcome = fc.constantFrom('success' as const, 'failure' as const);
  const request = fc.record({
    outcome,
    before: fc.boolean(),
    fails: fc.boolean(),
    isParallel: fc.boolean(),
    openedAt: fc.nat(5),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 4 }), async (requests) => {
      ran.length = 0;
      const lists = requests.map(({ before, fails, isParallel, outcome: end, openedAt }) => {
        const list = create();
        if (before) {
          list.add('before', {}, fails);
        }
        list.add('x', isParallel ? { ...once, ...parallel } : once);
        const isRun = end === 'success' && !(before && fails);
        const wantsX = end === 'success' && (isParallel || isRun);
        return { list, end, openedAt, isRun, wantsX, last: list.add('last') };
      });
      for (const { list, end } of lists.toSorted((a, b) => a.openedAt - b.openedAt)) {
        list.open(end);
        await new Promise(setImmediate);
      }
      await runner.drain(5_000);
      expect(ran.filter((name) => name === 'x')).toHaveLength(lists.some(({ wantsX }) => wantsX) ? 1 : 0);
      expect(lists.map(({ last }) => last.status)).toEqual(lists.map(({ isRun }) => (isRun ? 'completed' : 'skipped')));
    }),
    { numRuns: 300 },
  );
});

test('a task that a list takes over once more keeps the options of that time when its first place comes up', async () => {
  const { app, runner } = await startApp({});
  const engine = app.get(TaskEngine);
  const [first, second] = [engine.createList(), engine.createList()];
  const call = (fn: () => unknown) => readTaskCall('addTask', [fn]);
  const [before, attempt] = [new Gate(), new Gate()];
  first.add(
    call(() => before.opened),
    {},
  );
  let attempts = 0;
  const fails = async () => {
    attempts++;
    await attempt.opened;
    throw new Error('boom');
  };
  const task = first.add(call(fails), once);
  const last = first.add(
    call(() => undefined),
    {},
  );
  second.open('success');
  second.add(
    call(() => Promise.reject(new Error('boom'))),
    {},
  );
  // As above: the second list takes the task over, and hands it back when it fails.
  second.add(call(fails), once);
  first.add(call(fails), { ...once, ...parallel, runOn: 'always', attempts: 2 });
  await expect.poll(() => runner.stats().failed).toBe(1);
  first.open('success');
  await expect.poll(() => attempts).toBe(1);
  before.open();
  await last.settled();
  attempt.open();
  expect(await task.settled()).toMatchObject({ status: 'failed', attempts: 2 });
});

test('a list that goes on for ever does not keep the tasks that it has claimed', async () => {
  const { app, runner } = await startApp({});
  const engine = app.get(TaskEngine);
  const list = engine.createOpenList();
  const references: WeakRef<object>[] = [];
  for (let i = 0; i < 3_000; i++) {
    const argument = {};
    references.push(new WeakRef(argument));
    const other = engine.createOpenList();
    const deduplication = { id: `x ${i}` };
    other.add(readTaskCall('addTask', [(_argument: object) => undefined, argument]), { deduplication });
    list.add(readTaskCall('addTask', [() => undefined]), { deduplication });
    if (i % 100 === 0) {
      await runner.drain();
    }
  }
  await runner.drain();
  await expect
    .poll(async () => {
      // A WeakRef keeps its object until the job ends that has made or read it.
      await new Promise(setImmediate);
      globalThis.gc!();
      return references.filter((it) => it.deref()).length;
    })
    .toBeLessThan(2_000);
  expect(list.isOpen).toBe(true);
});
