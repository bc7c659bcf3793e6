import { Controller, Get, Query } from '@nestjs/common';
import { Keyv } from 'keyv';
import { lastValueFrom, type Observable } from 'rxjs';
import { describe, expect, test, vi } from 'vitest';
import {
  type BackgroundTask,
  BackgroundTasks,
  BackgroundTasksError,
  currentTask,
  InvalidOptionError,
  type TaskFilter,
  TaskFilterError,
  TaskNotFoundError,
  type TaskRecord,
  TaskRegistry,
  Tasks,
} from 'nestjs-background-tasks';
import { subscriberThrew } from '../lib/engine/engine.messages.ts';
import { FakeQueue } from './fixtures/fake-queue.ts';
import { collect as collectAll } from './fixtures/collect.ts';
import { Gate } from './fixtures/gate.ts';
import { startApp } from './fixtures/start-app.ts';

const UNKNOWN = '5c9a6a4e-5d1e-4a0c-8a0e-000000000000';

/** Collects what an Observable emits, and how it ends. */
function collect(followed: Observable<TaskRecord>) {
  const { seen, subscription } = collectAll(followed);
  return { ...seen, seen, subscription, statuses: () => seen.records.map(({ status }) => status) };
}

describe('follow', () => {
  test('emits the record now and at each change, for all who follow, and completes when the task has settled', async () => {
    const { app, runner } = await startApp({});
    const registry = app.get(TaskRegistry);
    const gate = new Gate();
    const task = runner.with({ attempts: 2 }).start(async () => {
      const { attempt, updateProgress } = currentTask()!;
      if (attempt === 1) {
        throw new Error('not yet');
      }
      updateProgress({ done: 1n });
      await gate.opened;
      return 'done';
    });
    const first = collect(registry.follow(task.id));
    // What it emits, it emits at once.
    expect(first.seen.records).toEqual([task.toJSON()]);
    await expect.poll(() => task.progress).toBeTruthy();
    const second = collect(registry.follow(task.id));
    gate.open();
    await runner.drain();
    expect(first.statuses()).toEqual(['pending', 'running', 'pending', 'running', 'running', 'completed']);
    expect(first.seen.records.at(-2)).toMatchObject({ attempts: 2, progress: { done: '1' } });
    expect(first.seen).toMatchObject({ end: 'complete' });
    expect(first.seen.records.at(-1)).toEqual(task.toJSON());
    expect(second.seen).toEqual({ records: first.seen.records.slice(-2), end: 'complete' });
    const settled = collect(registry.follow(task.id));
    expect(settled.seen).toEqual({ records: [task.toJSON()], end: 'complete' });
  });

  test.each(['failed', 'cancelled', 'skipped'] as const)(
    'completes with the record of a task that is %s',
    async (end) => {
      @Controller()
      class EndsController {
        @Get()
        get(@Tasks() tasks: BackgroundTasks) {
          const task = tasks.with({ runOn: end === 'skipped' ? 'failure' : 'success' }).addTask(() => {
            throw new Error('boom');
          });
          followed.push(collect(registry.follow(task.id)));
          if (end === 'cancelled') {
            task.cancel();
          }
          return 'added';
        }
      }
      const followed: ReturnType<typeof collect>[] = [];
      const { app, url, runner } = await startApp({ controllers: [EndsController] }, { history: { max: 0 } });
      const registry = app.get(TaskRegistry);
      await fetch(url);
      await runner.drain();
      await expect.poll(() => followed[0]!.seen.end).toBe('complete');
      expect(followed[0]!.statuses().at(-1)).toBe(end);
    },
  );

  test('of an id that no task has emits an error with the status 404', async () => {
    const { app } = await startApp({});
    const registry = app.get(TaskRegistry);
    for (const id of [UNKNOWN, '', '__proto__', '*', undefined, 5, {}] as string[]) {
      const { seen } = collect(registry.follow(id));
      await expect.poll(() => seen.end).toBeInstanceOf(TaskNotFoundError);
      expect(seen.end).toBeInstanceOf(BackgroundTasksError);
      expect(seen.end).toMatchObject({ code: 'BACKGROUND_TASKS_NOT_FOUND', status: 404 });
      expect(seen.records).toEqual([]);
    }
  });

  test('a subscriber that throws, or has no listener for errors, is logged and hurts nobody', async () => {
    const { app, runner, log } = await startApp({});
    const registry = app.get(TaskRegistry);
    const task = runner.start(() => 'done');
    registry.follow(task.id).subscribe(() => {
      throw new Error('boom');
    });
    const { seen } = collect(registry.follow(task.id));
    registry.follow(UNKNOWN).subscribe();
    expect(await task.settled()).toMatchObject({ status: 'completed' });
    await expect.poll(() => seen.end).toBe('complete');
    expect(log.said('error').map(({ message }) => message)).toEqual(Array(4).fill(subscriberThrew()));
  });

  test('a task can be cancelled by one who follows it', async () => {
    const { app, runner } = await startApp({});
    const registry = app.get(TaskRegistry);
    const task: BackgroundTask = runner.start(() => new Promise(() => undefined));
    registry.follow(task.id).subscribe(({ status }) => void (status === 'running' && task.cancel()));
    expect(await lastValueFrom(registry.follow(task.id))).toMatchObject({ status: 'cancelled' });
  });

  test('makes no events for other tasks, and nothing is left of it', async () => {
    const { app, runner } = await startApp({});
    const registry = app.get(TaskRegistry);
    const gate = new Gate();
    const task = runner.start(() => gate.opened);
    const follower = collect(registry.follow(task.id));
    const other = runner.start(() => 'other');
    const toRecord = vi.spyOn(other, 'toRecord');
    await expect.poll(() => other.status).toBe('completed');
    expect(toRecord).not.toHaveBeenCalled();
    follower.subscription.unsubscribe();
    gate.open();
    await runner.drain();
    expect(follower.statuses()).not.toContain('completed');
    expect(follower.seen.end).toBeUndefined();
  });

  test('reads the record store for a task of another process', async () => {
    const records = new Map<string, unknown>();
    const shared = () => ({ store: new Keyv({ store: records }) });
    const [here, there] = [await startApp({}, shared()), await startApp({}, shared())];
    const gate = new Gate();
    const task = there.runner.start(async () => {
      await gate.opened;
      return 'done';
    });
    const registry = here.app.get(TaskRegistry);
    await expect.poll(() => registry.get(task.id)).toMatchObject({ status: 'running' });
    const { seen } = collect(registry.follow(task.id));
    await expect.poll(() => seen.records).toMatchObject([{ status: 'running' }]);
    gate.open();
    await expect.poll(() => seen.end).toBe('complete');
    expect(seen.records.at(-1)).toMatchObject({ id: task.id, status: 'completed', result: 'done' });

    const lost = there.runner.start(() => new Promise(() => undefined));
    await expect.poll(() => registry.get(lost.id)).toMatchObject({ status: 'running' });
    const gone = collect(registry.follow(lost.id));
    await expect.poll(() => gone.seen.records).toHaveLength(1);
    records.clear();
    await expect.poll(() => gone.seen.end).toBeInstanceOf(TaskNotFoundError);
  });

  test('the error of a store is emitted if nothing is known of the task yet', async () => {
    const { app } = await startApp({});
    const queue = FakeQueue.in(app);
    const error = new Error('down');
    vi.spyOn(queue, 'find').mockRejectedValue(error);
    const { seen } = collect(app.get(TaskRegistry).follow(UNKNOWN));
    await expect.poll(() => seen.end).toBe(error);
  });

  test('completes when the application closes, and later', async () => {
    const records = new Map<string, unknown>();
    const shared = () => ({ store: new Keyv({ store: records }) });
    const [here, there] = [await startApp({}, shared()), await startApp({}, shared())];
    const task = there.runner.start(() => new Promise(() => undefined));
    const registry = here.app.get(TaskRegistry);
    await expect.poll(() => registry.get(task.id)).toMatchObject({ status: 'running' });
    const { seen } = collect(registry.follow(task.id));
    await expect.poll(() => seen.records).toHaveLength(1);
    await here.app.close();
    expect(seen.end).toBe('complete');
    expect(collect(registry.follow(task.id)).seen).toEqual({ records: [], end: 'complete' });
  });
});

describe('a filter of list', () => {
  @Controller('tasks')
  class TasksController {
    constructor(private readonly registry: TaskRegistry) {}

    @Get()
    list(@Query() filter: TaskFilter) {
      return this.registry.list(filter);
    }
  }

  test.each<[string, string, unknown]>([
    ['status', `'nope'`, { status: 'nope' }],
    ['name', '5', { name: 5 }],
    ['name', `''`, { name: '' }],
    ['queue', '5', { queue: 5 }],
    ['queue', `'nope'`, { queue: 'nope' }],
    ['limit', 'a string of 2 characters', { limit: '10' }],
    ['limit', '0', { limit: 0 }],
    ['limit', '1.5', { limit: 1.5 }],
    ['state', `'state'`, { state: 'failed' }],
    ['list', 'null', null],
  ])('that is wrong is an error with the status 400, which names it: %s, %s', async (named, came, filter) => {
    const { app } = await startApp({});
    const error: unknown = await app
      .get(TaskRegistry)
      .list(filter as TaskFilter)
      .catch((it: unknown) => it);
    expect(error).toBeInstanceOf(TaskFilterError);
    expect(error).toBeInstanceOf(BackgroundTasksError);
    expect(error).toMatchObject({ code: 'BACKGROUND_TASKS_FILTER', status: 400, statusCode: 400 });
    expect((error as Error).message).toMatch(/^list: /);
    expect((error as Error).message).toContain(named);
    expect((error as Error).message).toContain(came);
  });

  test('is told to the client, without the names of the queues', async () => {
    const { app, url } = await startApp({ controllers: [TasksController] });
    const response = await fetch(`${url}/tasks?status=nope`);
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      statusCode: 400,
      error: 'Bad Request',
      message:
        "list: option 'status': expected 'pending', 'running', 'completed', 'failed', 'cancelled' or 'skipped', got 'nope'.",
    });
    const queue = FakeQueue.in(app);
    vi.spyOn(queue, 'list').mockRejectedValue(new InvalidOptionError('expected one of secret'));
    const unknown = await fetch(`${url}/tasks?queue=nope`);
    expect(unknown.status).toBe(400);
    expect(await unknown.text()).not.toContain('secret');
  });
});
