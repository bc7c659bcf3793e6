import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { TaskOptions } from 'nestjs-background-tasks';
import { TaskEngine } from '../lib/engine/task-engine.ts';
import { readTaskCall } from '../lib/task/call/read-task-call.ts';
import { startApp } from './fixtures/start-app.ts';

/** Makes lists like those of requests. The test opens each when its response is over. */
async function startLists() {
  const { app, runner } = await startApp({});
  const ran: string[] = [];
  const create = () => {
    const list = app.get(TaskEngine).createList();
    const add = (name: string, options: TaskOptions = {}, fails = false) =>
      list.add(
        readTaskCall('addTask', [
          () => {
            ran.push(name);
            if (fails) {
              throw new Error(`${name} fails`);
            }
          },
        ]),
        { name, ...options },
      );
    return { add, open: (outcome: 'success' | 'failure') => list.open(outcome) };
  };
  return { create, ran, runner };
}

const once: TaskOptions = { deduplication: { id: 'x' } };

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

test('for all orders and outcomes: a shared task runs once if one request succeeds, and all lists go on', async () => {
  const { create, ran, runner } = await startLists();
  const outcome = fc.constantFrom('success' as const, 'failure' as const);
  const request = fc.record({ outcome, before: fc.boolean(), fails: fc.boolean(), openedAt: fc.nat(5) });
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 4 }), async (requests) => {
      ran.length = 0;
      const lists = requests.map(({ before, fails, outcome: end, openedAt }) => {
        const list = create();
        if (before) {
          list.add('before', {}, fails);
        }
        list.add('x', once);
        return { list, end, openedAt, isRun: end === 'success' && !(before && fails), last: list.add('last') };
      });
      for (const { list, end } of lists.toSorted((a, b) => a.openedAt - b.openedAt)) {
        list.open(end);
        await new Promise(setImmediate);
      }
      await runner.drain(5_000);
      expect(ran.filter((name) => name === 'x')).toHaveLength(lists.some(({ isRun }) => isRun) ? 1 : 0);
      expect(lists.map(({ last }) => last.status)).toEqual(lists.map(({ isRun }) => (isRun ? 'completed' : 'skipped')));
    }),
    { numRuns: 300 },
  );
});
