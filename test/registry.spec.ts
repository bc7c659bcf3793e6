import { Controller, Get, NotFoundException, Param, Post } from '@nestjs/common';
import { expect, onTestFinished, test, vi } from 'vitest';
import { BackgroundTasks, Tasks, TaskRegistry } from 'nestjs-background-tasks';
import { Gate } from './fixtures/gate.ts';
import { startApp } from './fixtures/start-app.ts';

let gate = new Gate();

@Controller('process')
class ProcessController {
  constructor(private readonly registry: TaskRegistry) {}

  @Post()
  start(@Tasks() tasks: BackgroundTasks) {
    return { taskId: tasks.addTask(() => gate.opened.then(() => 'done')).id };
  }

  @Get(':id')
  async status(@Param('id') id: string) {
    const record = await this.registry.get(id);
    if (!record) {
      throw new NotFoundException();
    }
    return record;
  }
}

test('the polling pattern', async () => {
  gate = new Gate();
  const { url, runner } = await startApp({ controllers: [ProcessController] });
  const { taskId } = (await (await fetch(`${url}/process`, { method: 'POST' })).json()) as { taskId: string };
  const poll = async () => (await (await fetch(`${url}/process/${taskId}`)).json()) as Record<string, unknown>;
  await expect.poll(poll).toMatchObject({ id: taskId, status: 'running' });
  gate.open();
  await runner.drain();
  expect(await poll()).toEqual({
    id: taskId,
    name: 'anonymous',
    status: 'completed',
    attempts: 1,
    createdAt: expect.any(String),
    startedAt: expect.any(String),
    finishedAt: expect.any(String),
    result: 'done',
  });
  for (const id of [
    '5c9a6a4e-5d1e-4a0c-8a0e-000000000000',
    '__proto__',
    'constructor',
    '*',
    '%20',
    taskId.toUpperCase(),
  ]) {
    expect((await fetch(`${url}/process/${id}`)).status, id).toBe(404);
  }
});

test('a record is plain and has no stack', async () => {
  const { app, runner } = await startApp({});
  const registry = app.get(TaskRegistry);
  const task = runner.start(() => {
    throw Object.assign(new TypeError('boom'), { secret: 'hidden' });
  });
  await task.settled();
  const record = await registry.get(task.id);
  expect(record).toMatchObject({ status: 'failed', error: { name: 'TypeError', message: 'boom' } });
  expect(JSON.parse(JSON.stringify(record))).toEqual(record);
  expect(JSON.stringify(record)).not.toMatch(/stack|hidden|registry\.spec/);
});

test('list returns the newest first, by status and name, up to the limit', async () => {
  const { app, runner } = await startApp({});
  const registry = app.get(TaskRegistry);
  gate = new Gate();
  const running = runner.with({ name: 'held' }).start(() => gate.opened);
  const nextMoment = () => new Promise((resolve) => setTimeout(resolve, 2));
  await nextMoment();
  for (let i = 0; i < 5; i++) {
    await runner
      .with({ name: `quick ${i % 2}` })
      .start(() => i)
      .settled();
    await nextMoment();
  }
  expect((await registry.list()).map(({ result }) => result)).toEqual([4, 3, 2, 1, 0, undefined]);
  expect((await registry.list({ name: 'quick 1' })).map(({ result }) => result)).toEqual([3, 1]);
  expect((await registry.list({ status: 'running' })).map(({ id }) => id)).toEqual([running.id]);
  expect(await registry.list({ limit: 2 })).toHaveLength(2);
  gate.open();
});

test('cancel by id', async () => {
  const { app, runner } = await startApp({});
  const registry = app.get(TaskRegistry);
  const task = runner.start(() => new Promise(() => undefined));
  await expect.poll(() => task.status).toBe('running');
  expect(await registry.cancel(task.id)).toBe(true);
  expect(await registry.cancel(task.id)).toBe(false);
  expect(await registry.cancel('unknown')).toBe(false);
  expect(await registry.get(task.id)).toMatchObject({ status: 'cancelled' });
});

test('history is bounded by number', async () => {
  const { app, runner } = await startApp({}, { history: { max: 3 } });
  const registry = app.get(TaskRegistry);
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) {
    const task = runner.start(() => i);
    ids.push(task.id);
    await task.settled();
  }
  const kept = await Promise.all(ids.map((id) => registry.get(id)));
  expect(kept.map((record) => record?.result)).toEqual([undefined, undefined, 2, 3, 4]);
});

test('history is bounded by age, and unsettled tasks are not', async () => {
  gate = new Gate();
  const { app, runner } = await startApp({}, { history: { ttl: 1_000 } });
  const registry = app.get(TaskRegistry);
  const held = runner.start(() => gate.opened);
  const settled = runner.start(() => 'done');
  await settled.settled();
  expect(await registry.get(settled.id)).toMatchObject({ result: 'done' });
  await expect.poll(() => registry.get(settled.id)).toBeUndefined();
  expect(await registry.list()).toHaveLength(1);
  expect(await registry.get(held.id)).toMatchObject({ status: 'running' });
  gate.open();
});

test.each(['2020-01-01', '2040-01-01'])('the history does not go by the clock of the system: %s', async (date) => {
  const { app, runner } = await startApp({});
  const registry = app.get(TaskRegistry);
  vi.useFakeTimers({ toFake: ['Date'], now: new Date(date) });
  onTestFinished(() => void vi.useRealTimers());
  const task = runner.start(() => 'done');
  await task.settled();
  vi.useRealTimers();
  expect(await registry.get(task.id)).toMatchObject({ result: 'done' });
  expect(await registry.list()).toHaveLength(1);
});

test('history of 0 keeps nothing', async () => {
  const { app, runner } = await startApp({}, { history: { max: 0 } });
  const task = runner.start(() => 'done');
  await task.settled();
  expect(await app.get(TaskRegistry).get(task.id)).toBeUndefined();
});

test('one application does not know the tasks of another', async () => {
  const [a, b] = [await startApp({}), await startApp({})];
  const task = a.runner.start(() => 'secret');
  await task.settled();
  expect(await b.app.get(TaskRegistry).get(task.id)).toBeUndefined();
});
