import { readFileSync } from 'node:fs';
import { Injectable, type ModuleMetadata } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Task } from 'nestjs-background-tasks';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { TestTasksModule } from 'nestjs-background-tasks/testing';
import { startApp } from './fixtures/start-app.ts';
import { HealthController } from './recipes/health.controller.ts';
import { MetricsController } from '../sample/05-observed/src/metrics.controller.ts';
import { ScalingController } from './recipes/scaling.controller.ts';

@Injectable()
class Mailer {
  @Task({ queue: 'mail' })
  send() {}
}

const inMemory = () => TestTasksModule.forRoot({ mode: 'manual' });
/** Nothing listens there. */
const away = () => BullMqTasksModule.forRoot({ connection: 'redis://127.0.0.1:1', enqueueTimeout: 300, worker: false });

function start(imports: NonNullable<ModuleMetadata['imports']>) {
  const controllers = [MetricsController, HealthController, ScalingController];
  return startApp({
    controllers,
    providers: imports.length > 0 ? [Mailer] : [],
    imports: [TerminusModule.forRoot({ logger: false }), ...imports],
  });
}

/** Enqueues a task, and lets it grow old: no worker claims it. */
async function addOld(runner: Awaited<ReturnType<typeof start>>['runner'], age: number): Promise<void> {
  const task = runner.start(Mailer, 'send');
  await task.stored();
  const { now } = Date;
  vi.spyOn(Date, 'now').mockImplementation(() => now() + age);
}

test.each([
  ['metrics', 'sample/05-observed/src'],
  ['health', 'test/recipes'],
  ['scaling', 'test/recipes'],
])('the documentation has the code of %s', (name, folder) => {
  const code = readFileSync(`${folder}/${name}.controller.ts`, 'utf8');
  expect(readFileSync('docs/figures.md', 'utf8')).toContain(`\`\`\`ts\n${code}\`\`\``);
});

afterEach(() => vi.restoreAllMocks());

describe('prom-client', () => {
  test('/metrics has counts, times by task, and the age of queues', async () => {
    const { url, runner } = await start([]);
    runner.with({ name: 'reports' }).start(() => undefined);
    await runner.drain();
    let finish!: () => void;
    runner.with({ name: 'unsettled' }).start(() => new Promise<void>((resolve) => (finish = resolve)));
    await expect.poll(() => runner.stats().running).toBe(1);
    const response = await fetch(`${url}/metrics`);
    expect(response.headers.get('content-type')).toMatch(/^text\/plain/);
    const text = await response.text();
    expect(text).toContain('background_tasks{state="completed"} 1\n');
    expect(text).toContain('background_tasks{state="refused"} 0\n');
    expect(text).toMatch(/background_tasks_run_seconds\{task="reports",quantile="0.95"\} [\d.]+\n/);
    // Of a task that has not settled, 0 would look like a very fast one.
    expect(text).not.toContain('unsettled');
    finish();
  });

  test('/metrics has the age of the oldest task of a queue', async () => {
    const { url, runner } = await start([inMemory()]);
    await addOld(runner, 90_000);
    const text = await (await fetch(`${url}/metrics`)).text();
    const [, seconds] = /background_tasks_queue_oldest_age_seconds\{queue="mail"\} ([\d.]+)\n/.exec(text)!;
    expect(Number(seconds)).toBeGreaterThanOrEqual(90);
  });

  test('/metrics has the other metrics while the queue is away', async () => {
    const { url } = await start([away()]);
    expect(await (await fetch(`${url}/metrics`)).text()).toContain('background_tasks{state="pending"} 0\n');
  });
});

describe('@nestjs/terminus', () => {
  const check = async (url: string) => {
    const response = await fetch(`${url}/health`);
    return { status: response.status, ...((await response.json()) as { error: object; info: object }) };
  };

  test('all is well', async () => {
    const { url } = await start([inMemory()]);
    expect(await check(url)).toMatchObject({
      status: 'ok',
      info: { tasks: { status: 'up' }, threads: { status: 'up' }, queues: { status: 'up' } },
    });
    expect((await fetch(`${url}/health`)).status).toBe(200);
  });

  test('too many tasks', async () => {
    const { url, runner } = await start([]);
    for (let i = 0; i <= 1_000; i++) {
      runner.with({ delay: 1_000_000 }).start(() => undefined);
    }
    expect((await fetch(`${url}/health`)).status).toBe(503);
    expect(await check(url)).toMatchObject({ error: { tasks: { status: 'down', pending: 1_001, running: 0 } } });
  });

  test('tasks wait for threads, and there is none', async () => {
    const { url, runner } = await start([]);
    const stats = { ...runner.stats(), threads: { alive: 0, busy: 0, waiting: 3 } };
    vi.spyOn(runner, 'stats').mockReturnValue(stats);
    expect(await check(url)).toMatchObject({ error: { threads: { status: 'down', waiting: 3 } } });
  });

  test('the queue is away', async () => {
    const { url } = await start([away()]);
    expect(await check(url)).toMatchObject({
      error: { queues: { status: 'down', reason: 'BACKGROUND_TASKS_QUEUE' } },
    });
  });

  test('a task has waited for too long', async () => {
    const { url, runner } = await start([inMemory()]);
    await addOld(runner, 90_000);
    expect(await check(url)).toMatchObject({ error: { queues: { status: 'down', late: ['mail'] } } });
  });
});

test('autoscaling reads the age of the oldest task', async () => {
  const { url, runner } = await start([inMemory()]);
  expect(await (await fetch(`${url}/scaling`)).json()).toEqual({ oldestAge: 0 });
  await addOld(runner, 45_000);
  const { oldestAge } = (await (await fetch(`${url}/scaling`)).json()) as { oldestAge: number };
  expect(oldestAge).toBeGreaterThanOrEqual(45);
});
