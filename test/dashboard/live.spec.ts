import { describe, expect, test } from 'vitest';
import { Gate } from '../fixtures/gate.ts';
import type { TaskView } from '../../lib/dashboard/dashboard.api.ts';
import { LiveHub, MAX_CLIENTS } from '../../lib/dashboard/live/live-hub.ts';
import { EventReader, platforms, startDashboard } from './start-dashboard.ts';

const rowsOf = (reader: EventReader) => reader.updates.flatMap(({ data }) => data.tasks);

describe.each(platforms)('the stream on %s', (platform) => {
  test('says hello, and then how things are', async () => {
    const { path } = await startDashboard({ platform });
    const reader = await EventReader.connect(`${path}/api/events`);
    await expect.poll(() => reader.updates.length).toBe(1);
    expect(reader.response.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    expect(reader.events[0]).toMatchObject({
      event: 'hello',
      data: {
        canAct: true,
        version: expect.stringMatching(/^\d+\.\d+\.\d+/),
        startedAt: expect.any(String),
        process: expect.any(String),
      },
    });
    const { data } = reader.updates[0]!;
    expect(data).toMatchObject({
      tasks: [],
      more: true,
      overview: {
        stats: { pending: 0 },
        queues: [],
        blocked: [],
        series: { step: 1_000, added: expect.any(Array) },
        process: { heapUsed: expect.any(Number), eventLoopDelay: { p99: expect.any(Number) } },
      },
    });
    expect((data['overview'] as { series: { completed: number[] } }).series.completed).toHaveLength(300);
  });

  test('has each task that changes, in its newest state, and ids that grow', async () => {
    const { path, runner } = await startDashboard({ platform });
    const reader = await EventReader.connect(`${path}/api/events`);
    await expect.poll(() => reader.updates.length).toBe(1);
    const gate = new Gate();
    const task = runner.start(async function slow() {
      await gate.opened;
      return { secret: 'of the result' };
    });
    await expect
      .poll(() => rowsOf(reader).at(-1))
      .toMatchObject({ id: task.id, name: 'slow', status: 'running', target: 'event-loop', canCancel: true });
    gate.open();
    await expect
      .poll(() => rowsOf(reader).at(-1))
      .toMatchObject({ id: task.id, status: 'completed', canCancel: false, canRetry: false });
    expect(JSON.stringify(reader.events)).not.toContain('of the result');
    const ids = reader.updates.map(({ id }) => id);
    expect(ids).toEqual(ids.toSorted((a, b) => a - b));
  });

  test('sends at most five updates a second, and at most 200 rows, however many tasks run', async () => {
    const { path, runner } = await startDashboard({ platform });
    const reader = await EventReader.connect(`${path}/api/events`);
    await expect.poll(() => reader.updates.length).toBe(1);
    const beganAt = performance.now();
    for (let i = 0; i < 1_000; i++) {
      runner.start(function many() {});
    }
    await runner.drain();
    await expect
      .poll(() => reader.updates.at(-1)!.data['overview'])
      .toMatchObject({ stats: { completed: 1_000, pending: 0 } });
    const updates = reader.updates.slice(1);
    expect(updates.length).toBeLessThanOrEqual((performance.now() - beganAt) / 200 + 2);
    expect(updates.some(({ data }) => data.more)).toBe(true);
    expect(Math.max(...updates.map(({ data }) => data.tasks.length))).toBeLessThanOrEqual(200);
  });

  test('has nothing to say while nothing changes', async () => {
    const { path } = await startDashboard({ platform });
    const reader = await EventReader.connect(`${path}/api/events`);
    await expect.poll(() => reader.updates.length).toBe(1);
    // Longer than five updates would take.
    const other = await EventReader.connect(`${path}/api/events`);
    await expect.poll(() => other.updates.length).toBe(1);
    const until = performance.now() + 1_500;
    await expect.poll(() => performance.now()).toBeGreaterThan(until);
    expect(reader.events).toHaveLength(2);
  });

  test('after a reconnection, says that others may have changed, and a restart shows', async () => {
    const { path, runner } = await startDashboard({ platform });
    const reader = await EventReader.connect(`${path}/api/events`);
    await expect.poll(() => reader.updates.length).toBe(1);
    reader.close();
    await runner.start(function meanwhile() {}).settled();
    const again = await EventReader.connect(`${path}/api/events`, { 'last-event-id': '1' });
    await expect.poll(() => again.updates[0]?.data.more).toBe(true);
    expect(again.events[0]!.data['startedAt']).toBe(reader.events[0]!.data['startedAt']);
    expect(again.events[0]!.data['process']).toBe(reader.events[0]!.data['process']);
    const restarted = await startDashboard({ platform });
    const there = await EventReader.connect(`${restarted.path}/api/events`, { 'last-event-id': '900' });
    await expect.poll(() => there.events[0]?.data['process']).toBeTypeOf('string');
    expect(there.events[0]!.data['process']).not.toBe(reader.events[0]!.data['process']);
  });

  test('keeps nothing for a client that does not read, and goes on when it does', async () => {
    const { app, path, runner } = await startDashboard({ platform });
    const slow = await EventReader.connect(`${path}/api/events`);
    const fast = await EventReader.connect(`${path}/api/events`);
    await expect.poll(() => fast.updates.length).toBe(1);
    slow.pause();
    const hub = app.get(LiveHub, { strict: false });
    // Rows of many KB fill what Node and the operating system hold.
    const text = 'x'.repeat(1_000);
    const fails = () => {
      throw new Error(text, { cause: new Error(text) });
    };
    const client = { isFull: false };
    const fill = async () => {
      while (!client.isFull) {
        const count = fast.updates.length;
        await Promise.all(Array.from({ length: 200 }, () => runner.start(fails).settled()));
        await expect.poll(() => fast.updates.length, { interval: 10 }).toBeGreaterThan(count);
      }
    };
    const filling = fill();
    await expect.poll(() => hub.slow, { timeout: 25_000 }).toBe(1);
    client.isFull = true;
    await filling;
    const before = fast.updates.length;
    await runner.start(function after() {}).settled();
    await expect.poll(() => fast.updates.length).toBeGreaterThan(before);
    const heard = slow.updates.length;
    slow.resume();
    await expect.poll(() => hub.slow).toBe(0);
    // Other updates can follow the one that says so.
    await expect.poll(() => slow.updates.slice(heard).some(({ data }) => data.more)).toBe(true);
    expect(slow.updates.length).toBeLessThan(fast.updates.length);
  });

  test('is there for 100 pages, and for another one once one of them closes', { timeout: 30_000 }, async () => {
    const { app, path } = await startDashboard({ platform });
    const readers = await Promise.all(
      Array.from({ length: MAX_CLIENTS }, () => EventReader.connect(`${path}/api/events`)),
    );
    const refused = await fetch(`${path}/api/events`);
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ code: 'TOO_MANY_PAGES' });
    expect((await fetch(`${path}/api/overview`)).status).toBe(200);
    readers[0]!.close();
    await expect.poll(() => app.get(LiveHub, { strict: false }).size).toBe(MAX_CLIENTS - 1);
    const another = await EventReader.connect(`${path}/api/events`);
    await expect.poll(() => another.updates.length).toBeGreaterThan(0);
  });

  test('has the beginning of a long error, and the view of the task has more', async () => {
    const { path, json, runner } = await startDashboard({ platform });
    const reader = await EventReader.connect(`${path}/api/events`);
    await expect.poll(() => reader.updates.length).toBe(1);
    const task = runner.start(function fails() {
      throw new Error('e'.repeat(5_000_000), { cause: new Error('c'.repeat(5_000)) });
    });
    await expect.poll(() => rowsOf(reader).at(-1)?.status).toBe('failed');
    expect(rowsOf(reader).at(-1)!.error).toMatchObject({
      message: `${'e'.repeat(1_000)}…`,
      cause: { message: `${'c'.repeat(1_000)}…` },
    });
    const view = await json<TaskView>(`/api/tasks/${task.id}`);
    expect(view.task.error).toMatchObject({
      message: `${'e'.repeat(100_000)}…`,
      cause: { message: 'c'.repeat(5_000) },
    });
    expect(JSON.stringify(view.attempts).length).toBeLessThan(300_000);
  });

  test('ends with the application, which it doesn’t hold up', async () => {
    const { app, path } = await startDashboard({ platform, tasks: { shutdownTimeout: 50_000 } });
    const reader = await EventReader.connect(`${path}/api/events`);
    await expect.poll(() => reader.updates.length).toBe(1);
    const beganAt = performance.now();
    await app.close();
    expect(performance.now() - beganAt).toBeLessThan(20_000);
    await expect.poll(() => reader.isOver).toBe(true);
  });

  test('collects nothing once nobody looks', async () => {
    const { app, path } = await startDashboard({ platform });
    const hub = app.get(LiveHub, { strict: false });
    expect(hub.size).toBe(0);
    const reader = await EventReader.connect(`${path}/api/events`);
    await expect.poll(() => hub.size).toBe(1);
    reader.close();
    await expect.poll(() => hub.size).toBe(0);
    const head = await fetch(`${path}/api/events`, { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(hub.size).toBe(0);
  });
});
