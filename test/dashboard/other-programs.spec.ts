import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Job } from 'bullmq';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Task } from 'nestjs-background-tasks';
import { BullMqQueues, BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import type { TaskPage, TaskView } from '../../lib/dashboard/dashboard.api.ts';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { EventReader, startDashboard } from './start-dashboard.ts';

@Injectable()
class Mail {
  @Task({ queue: 'mail' })
  send() {}
}

/** What BullMQ's objects send to the server. */
interface Sender {
  readonly client?: Promise<{ hset(...args: string[]): Promise<unknown> }>;
  readonly connection: { pool: { query(...args: unknown[]): Promise<unknown> } };
}

const data = { args: { json: [] } };
const patience = { timeout: 30_000, interval: 50 };

stopStores();

describe.each(stores)('jobs that other programs write on $name', { timeout: 60_000 }, ({ name, connection }) => {
  async function start(worker: boolean) {
    const imports = [BullMqTasksModule.forRoot({ connection, prefix: ownPrefix(), ...(!worker && { worker }) })];
    const started = await startDashboard({ metadata: { imports, providers: [Mail] } });
    return { ...started, queue: started.app.get(BullMqQueues).get('mail') };
  }

  /** Changes a job as a program does that knows nothing of its form. */
  async function fail(job: Job, stacktrace: readonly string[]): Promise<void> {
    const { queueQualifiedName, backend } = job as unknown as { queueQualifiedName: string; backend: Sender };
    if (name === 'Redis') {
      const fields = [
        'stacktrace',
        JSON.stringify(stacktrace),
        'failedReason',
        'theirs',
        'finishedOn',
        '1',
        'atm',
        `${stacktrace.length}`,
      ];
      await (await backend.client)!.hset(`${queueQualifiedName}:${job.id}`, ...fields);
    } else {
      const set = "stacktrace = $2, failed_reason = 'theirs', finished_at_ms = 1, attempts_made = $3";
      const values = [job.id, JSON.stringify(stacktrace), stacktrace.length];
      await backend.connection.pool.query(`UPDATE job SET ${set} WHERE id = $1`, values);
    }
  }

  test('run and are shown, though no date has their time', async () => {
    const { path, json, runner, queue, log } = await start(true);
    const uncaught: unknown[] = [];
    const note = (error: unknown) => uncaught.push(error);
    process.on('uncaughtException', note);
    onTestFinished(() => void process.off('uncaughtException', note));
    const reader = await EventReader.connect(`${path}/api/events`);
    await expect.poll(() => reader.updates.length).toBe(1);
    const steps: string[] = [];
    runner.events.subscribe(({ type, task }) => steps.push(`${type} ${task.createdAt}`));
    const id = randomUUID();
    await queue.add('Mail.send', data, { jobId: id, timestamp: 8.64e15 + 1 });
    const sent = () => reader.updates.flatMap(({ data: { tasks } }) => tasks).find((it) => it.id === id);
    await expect.poll(sent, patience).toMatchObject({ createdAt: '1970-01-01T00:00:00.000Z' });
    await expect.poll(() => steps.at(-1), patience).toBe('completed 1970-01-01T00:00:00.000Z');
    await expect
      .poll(() => json<TaskPage>('/api/tasks'), patience)
      .toMatchObject({ tasks: [{ id, status: 'completed' }] });
    expect(uncaught).toEqual([]);
    expect(log.said('error')).toEqual([]);
  });

  test.each([
    ['without a name', '{}'],
    ['of other types', '{"name":5,"message":{},"cause":7}'],
    [
      'with very many causes',
      `{"name":"E","message":"m","cause":${'{"name":"E","message":"m","cause":'.repeat(3_000)}1${'}'.repeat(3_001)}`,
    ],
  ])('are shown with an error %s', async (_what, record) => {
    const { json, queue } = await start(false);
    const job = await queue.add('Mail.send', data, { jobId: randomUUID() });
    await fail(job, [`Error: theirs\nRecord: ${record}`]);
    const { tasks } = await json<TaskPage>('/api/tasks?queue=mail');
    expect(tasks).toMatchObject([{ id: job.id, error: { name: expect.any(String), message: expect.any(String) } }]);
    expect(JSON.stringify(tasks).length).toBeLessThan(1_000);
    expect(await json<TaskView>(`/api/tasks/${job.id}`)).toMatchObject({ task: { error: tasks[0]!.error } });
  });

  test('are shown with the newest of their attempts, and with the beginnings of their errors', async () => {
    const { json, queue } = await start(false);
    const job = await queue.add('Mail.send', data, { jobId: randomUUID() });
    await fail(
      job,
      Array.from({ length: 150 }, () => `Error: ${'e'.repeat(20_000)}\n    at them`),
    );
    const { attempts } = await json<TaskView>(`/api/tasks/${job.id}`);
    expect(attempts.map(({ attempt }) => attempt)).toEqual(Array.from({ length: 100 }, (_, i) => i + 51));
    expect(JSON.stringify(attempts).length).toBeLessThan(200_000);
  });

  test('are found by any id, and have no action that would be refused', async () => {
    const { json, post, queue } = await start(false);
    await queue.add('Mail.send', data, { jobId: 'ORDER-17' });
    for (const search of ['ORDER-1', 'order-1']) {
      expect(await json(`/api/tasks?queue=mail&search=${search}`)).toMatchObject({
        tasks: [{ id: 'ORDER-17', canCancel: false, canRetry: false }],
      });
    }
    expect((await post('/api/tasks/ORDER-17/cancel')).status).toBe(404);
  });
});
