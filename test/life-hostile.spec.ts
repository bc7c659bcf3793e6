import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Get } from '@nestjs/common';
import { map, Observable, take, type Observable as Events } from 'rxjs';
import { expect, test } from 'vitest';
import {
  BackgroundTasks,
  currentTask,
  TaskRegistry,
  Tasks,
  type BackgroundTask,
  type TaskEvent,
  TaskFilterError,
} from 'nestjs-background-tasks';
import { subscriberThrew } from '../lib/engine/engine.messages.ts';
import { wrongProgress } from '../lib/task/task.messages.ts';
import { wrongOption } from '../lib/validation/validation.messages.ts';
import { startApp } from './fixtures/start-app.ts';
import { identity } from './fixtures/threads/math.task.ts';

const boom = () => {
  throw new Error('boom');
};

let fill: (tasks: BackgroundTasks) => void;

@Controller()
class FillController {
  @Get()
  get(@Tasks() tasks: BackgroundTasks) {
    fill(tasks);
  }
}

test('a subscriber of skipped cancels the next task', async () => {
  const { url, runner } = await startApp({ controllers: [FillController] });
  let added: BackgroundTask[] = [];
  runner.events.subscribe(({ type }) => void (type === 'skipped' && added[2]!.cancel()));
  fill = (tasks) => (added = [boom, ...Array(3).fill(() => undefined)].map((fn) => tasks.addTask(fn)));
  await fetch(url);
  await runner.drain(5_000);
  expect(added.map(({ status }) => status)).toEqual(['failed', 'skipped', 'cancelled', 'skipped']);
});

test('a subscriber of retrying cancels the task', async () => {
  const { url, runner } = await startApp({ controllers: [FillController] });
  let added: BackgroundTask[] = [];
  runner.events.subscribe(({ type }) => void (type === 'retrying' && added[0]!.cancel()));
  fill = (tasks) =>
    (added = [
      tasks.with({ attempts: 3, backoff: { type: 'fixed', delay: 60_000 } }).addTask(boom),
      tasks.addTask(() => 'second'),
    ]);
  await fetch(url);
  await runner.drain(5_000);
  expect(added.map(({ status }) => status)).toEqual(['cancelled', 'completed']);
  expect(added[0]!.cancel()).toBe(false);
  expect(runner.stats()).toMatchObject({ pending: 0, running: 0, delayed: 0 });
});

test('a task that cancels itself when its timeout is over is not retried', async () => {
  const { runner } = await startApp({});
  let calls = 0;
  const task: BackgroundTask = runner.with({ attempts: 3, timeout: 10 }).start(async () => {
    calls++;
    await new Promise(() => currentTask()!.signal.addEventListener('abort', () => task.cancel()));
  });
  expect(await task.settled()).toMatchObject({ status: 'cancelled', attempts: 1 });
  expect(calls).toBe(1);
});

test('a retryIf that never answers can be cancelled out of', async () => {
  const { url, runner } = await startApp({ controllers: [FillController] });
  let added: BackgroundTask[] = [];
  let asked = false;
  const retryIf = () => {
    asked = true;
    return new Promise<boolean>(() => undefined);
  };
  fill = (tasks) => (added = [tasks.with({ attempts: 2, retryIf }).addTask(boom), tasks.addTask(() => 'second')]);
  await fetch(url);
  await expect.poll(() => asked).toBe(true);
  expect(added[0]!.cancel()).toBe(true);
  await runner.drain(5_000);
  expect(added.map(({ status }) => status)).toEqual(['cancelled', 'completed']);
});

test('one that is cancelled while it waits for a place lets those behind it go on at once', async () => {
  const { url, runner } = await startApp({ controllers: [FillController] }, { concurrency: 1 });
  const holder = runner.start(() => new Promise(() => undefined));
  let added: BackgroundTask[] = [];
  fill = (tasks) =>
    (added = [tasks.addTask(() => 'first'), tasks.with({ runOn: 'failure' }).addTask(() => 'for failures')]);
  await fetch(url);
  for (let i = 0; i < 5; i++) {
    await new Promise(setImmediate);
  }
  expect(added[0]!.cancel()).toBe(true);
  await expect.poll(() => added[1]!.status).toBe('skipped');
  holder.cancel();
  await runner.drain(5_000);
});

test('deduplication goes by the id that was given, whatever becomes of the object', async () => {
  const { runner } = await startApp({});
  const options = { deduplication: { id: 'a' } };
  const first = runner.with(options).start(() => 'first');
  options.deduplication.id = 'b';
  await first.settled();
  const second = runner.with({ deduplication: { id: 'a' } }).start(() => 'second');
  expect(await second.settled()).toMatchObject({ result: 'second' });
});

test('retryIf sees the async context of the place that added the task', async () => {
  const { AsyncLocalStorage } = await import('node:async_hooks');
  const tenant = new AsyncLocalStorage<string>();
  const { runner } = await startApp({});
  let seen: string | undefined;
  const retryIf = () => {
    seen = tenant.getStore();
    return false;
  };
  await tenant.run('a', () => runner.with({ attempts: 2, retryIf }).start(boom).settled());
  expect(seen).toBe('a');
});

test('during the next attempt there is no error', async () => {
  const { runner } = await startApp({});
  let error: unknown = 'unset';
  const task: BackgroundTask = runner.with({ attempts: 2 }).start(() => {
    if (task.attempts === 1) {
      boom();
    }
    error = task.error;
  });
  expect(await task.settled()).toMatchObject({ status: 'completed', attempts: 2 });
  expect(error).toBeUndefined();
});

test('a promise of an Observable is followed to its end', async () => {
  const { runner } = await startApp({});
  let isSubscribed = false;
  const task = runner.start(
    async () =>
      new Observable<string>((subscriber) => {
        isSubscribed = true;
        subscriber.next('last');
        subscriber.complete();
      }),
  );
  expect(await task.settled()).toMatchObject({ result: 'last' });
  expect(isSubscribed).toBe(true);
});

test('a function is called as a function, whatever it calls its properties', async () => {
  const { runner } = await startApp({});
  const task = runner.start(Object.assign(() => 'right', { apply: () => 'wrong' }));
  expect(await task.settled()).toMatchObject({ result: 'right' });
});

test('progress is copied, and is a number or an object', async () => {
  const { runner } = await startApp({});
  const seen: unknown[] = [];
  runner.events.subscribe(({ type, task }) => void (type === 'progress' && seen.push(task.progress)));
  const task = runner.start(() => {
    const progress = { done: 1 };
    currentTask()!.updateProgress(progress);
    progress.done = 2;
    currentTask()!.updateProgress(progress);
    currentTask()!.updateProgress('half' as never);
  });
  expect(await task.settled()).toMatchObject({ status: 'failed', error: { message: wrongProgress('a string') } });
  expect(seen).toEqual([{ done: 1 }, { done: 2 }]);
});

test.each<[string, (events: Events<TaskEvent>) => unknown]>([
  ['as an async function', (events) => events.subscribe(async () => boom())],
  ['when it is complete', (events) => events.pipe(take(1)).subscribe({ complete: boom })],
  ['when it is told of an error', (events) => events.pipe(map(boom)).subscribe({ error: boom })],
  ['in an operator, and listens to no errors', (events) => events.pipe(map(boom)).subscribe()],
])('a subscriber that throws %s is logged and hurts nobody', async (_label, subscribe) => {
  const { runner, log } = await startApp({});
  subscribe(runner.events);
  expect(await runner.start(() => 1).settled()).toMatchObject({ status: 'completed' });
  await expect.poll(() => log.said('error').map(({ message }) => message)).toContain(subscriberThrew());
});

test('list gives the newest first, also of one moment', async () => {
  const { app, runner } = await startApp({});
  const names = Array.from({ length: 20 }, (_, i) => `task ${i}`);
  names.forEach((name) => runner.with({ name }).start(() => undefined));
  const list = async (limit: number) => (await app.get(TaskRegistry).list({ limit })).map(({ name }) => name);
  expect(await list(3)).toEqual(['task 19', 'task 18', 'task 17']);
  await runner.drain();
  expect(await list(3)).toEqual(['task 19', 'task 18', 'task 17']);
});

test.each([
  [{ limit: NaN }, 'limit', 'NaN', 'a whole number, 1 or more, or Infinity'],
  [{ limit: '5' }, 'limit', 'a string of 1 character', 'a whole number, 1 or more, or Infinity'],
  [{ status: 'runing' }, 'status', "'runing'", "'pending', 'running', 'completed', 'failed', 'cancelled' or 'skipped'"],
])('list(%o) is refused', async (filter, option, came, expected) => {
  const { app } = await startApp({});
  const listed = app.get(TaskRegistry).list(filter as never);
  await expect(listed).rejects.toThrow(new TaskFilterError(wrongOption('list', option, came, expected)));
});

test.each([[Symbol('id')], [{}], [5], [null]])('get(%o) knows of nothing', async (id) => {
  const { app } = await startApp({});
  expect(await app.get(TaskRegistry).get(id as never)).toBeUndefined();
});

test('records hold what JSON makes of results', async () => {
  const { app, runner } = await startApp({});
  const circle: Record<string, unknown> = {};
  circle['itself'] = circle;
  runner.start(() => ({ count: 10n, at: new Date(0) }));
  runner.start(() => circle);
  await runner.drain();
  const records = await app.get(TaskRegistry).list();
  expect(records[1]?.result).toEqual({ count: '10', at: '1970-01-01T00:00:00.000Z' });
  expect(records[0]).not.toHaveProperty('result');
  expect(records[0]).toMatchObject({ status: 'completed' });
});

test('a record tells what caused an error', async () => {
  const { app, runner } = await startApp({});
  const error = new Error('outer', { cause: new TypeError('inner', { cause: new Error('innermost') }) });
  const { id } = runner.start(() => Promise.reject(error));
  await runner.drain();
  expect((await app.get(TaskRegistry).get(id))?.error).toEqual({
    name: 'Error',
    message: 'outer',
    cause: { name: 'TypeError', message: 'inner' },
  });
});

test('the history keeps no arguments, however a task has ended', async () => {
  const { runner } = await startApp({}, { history: { max: 100 } });
  const collected: string[] = [];
  const registry = new FinalizationRegistry<string>((name) => collected.push(name));
  const start = (name: string, run: () => void) => {
    const argument = { name };
    registry.register(argument, name);
    return runner.with({ timeout: 20 }).start((_argument: object) => run(), argument);
  };
  const names = ['completed', 'failed', 'cancelled', 'out of time'];
  start('completed', () => undefined);
  start('failed', boom);
  start('cancelled', () => undefined).cancel();
  start('out of time', () => new Promise(() => undefined));
  await runner.drain();
  await expect
    .poll(async () => {
      globalThis.gc!();
      await sleep(5);
      return collected.toSorted();
    })
    .toEqual(names.toSorted());
});

test('a task that starts itself again does not keep those before it', async () => {
  const { runner } = await startApp({}, { history: { max: 1 } });
  let kept = 0;
  let left = 500;
  const registry = new FinalizationRegistry(() => kept--);
  const again = async (): Promise<void> => {
    await sleep(0);
    if (left-- > 0) {
      const argument = {};
      registry.register(argument, undefined);
      kept++;
      runner.start(again, ...([argument] as unknown as []));
    } else {
      await expect
        .poll(async () => {
          globalThis.gc!();
          await sleep(5);
          return kept;
        })
        .toBeLessThan(50);
    }
  };
  const first = runner.start(again);
  await runner.drain();
  expect(first.status).toBe('completed');
  expect(runner.stats()).toMatchObject({ completed: 501, failed: 0 });
});

test.each([1, 2])('a logger that cancels the task in its line: attempts %d', async (attempts) => {
  const { runner, log } = await startApp({});
  const cancel = () => void task.cancel();
  log.error = cancel;
  Object.assign(log, { debug: cancel });
  const events: string[] = [];
  runner.events.subscribe(({ type }) => events.push(type));
  const task: BackgroundTask = runner.with({ attempts }).start(boom);
  await runner.drain(5_000);
  expect(events.slice(0, 2)).toEqual(['added', 'started']);
  expect(events).toHaveLength(3);
  expect(runner.stats()).toMatchObject({ pending: 0, running: 0 });
});

test('a task stays deduplicated when one that its own arguments added settles', async () => {
  const { runner } = await startApp({}, { pool: { maxThreads: 1 } });
  const once = runner.with({ deduplication: { id: 'a' } });
  let inner!: BackgroundTask;
  const argument = {
    get value() {
      inner ??= once.start(() => 'inner');
      return 1;
    },
  };
  const outer = once.start(identity, argument);
  inner.cancel();
  expect(once.start(() => 'third')).toBe(outer);
  await runner.drain();
});
