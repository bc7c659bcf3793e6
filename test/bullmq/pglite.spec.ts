import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ConflictException, Controller, Injectable, Param, ParseIntPipe, Post } from '@nestjs/common';
import { describe, expect, onTestFinished, test } from 'vitest';
import { BackgroundTasks, currentTask, Task, TaskRegistry, Tasks } from 'nestjs-background-tasks';
import { BullMqQueues, BullMqTasksModule, type BullMqTasksModuleOptions } from 'nestjs-background-tasks/bullmq';
import { folderInUse, folderNotOpened } from '../../lib/bullmq/bullmq.messages.ts';
import { Gate } from '../fixtures/gate.ts';
import { installPackage } from '../fixtures/install-package.ts';
import { startApp, type StartedApp } from '../fixtures/start-app.ts';
import { square } from '../fixtures/threads/stored.task.ts';

let started: Gate;
let ran: unknown[];

@Injectable()
class Work {
  @Task({ queue: 'work' })
  note(what: unknown) {
    ran.push(what);
    return what;
  }

  @Task({ queue: 'work', attempts: 3, backoff: { type: 'fixed', delay: 100 } })
  flaky() {
    ran.push(performance.now());
    if (currentTask()!.attempt < 3) {
      throw new RangeError('not yet');
    }
  }

  @Task({ queue: 'work', attempts: 2 })
  fails(): never {
    throw new RangeError('never');
  }

  @Task({ queue: 'slow' })
  async slow() {
    currentTask()!.updateProgress({ done: 1 });
    started.open();
    await setTimeout(20_000, undefined, { signal: currentTask()!.signal });
  }
}

@Controller()
class WorkController {
  constructor(private readonly work: Work) {}

  @Post('later')
  later(@Tasks() tasks: BackgroundTasks) {
    return { id: tasks.with({ delay: 60_000 }).addTask(this.work, 'note', 'later').id };
  }

  @Post('throws')
  throws(@Tasks() tasks: BackgroundTasks) {
    tasks.addTask(this.work, 'note', 'nobody');
    throw new ConflictException();
  }

  @Post('ten/:from')
  ten(@Tasks() tasks: BackgroundTasks, @Param('from', ParseIntPipe) from: number) {
    for (let i = 0; i < 10; i++) {
      tasks.addTask(this.work, 'note', from + i);
    }
  }

  @Post('same')
  same(@Tasks() tasks: BackgroundTasks) {
    tasks.with({ deduplication: { id: 'one' }, delay: 1_000 }).addTask(this.work, 'note', 'the one');
  }
}

async function start(
  connection: string,
  worker: BullMqTasksModuleOptions['worker'] = {},
): Promise<StartedApp & { registry: TaskRegistry; work: Work }> {
  started = new Gate();
  ran = [];
  const app = await startApp({
    // PGlite starts slowly when many tests run, and compiles code with the first task.
    imports: [BullMqTasksModule.forRoot({ connection, worker, enqueueTimeout: 20_000 })],
    controllers: [WorkController],
    providers: [Work],
  });
  return { ...app, registry: app.app.get(TaskRegistry), work: app.app.get(Work) };
}

async function ownFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pglite-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

const post = (url: string, path: string) => fetch(`${url}/${path}`, { method: 'POST' });
const patience = { timeout: 20_000 };

describe('in memory', { timeout: 120_000 }, () => {
  test('a 2xx means that it is stored; what a handler adds that throws is not', async () => {
    const { url, registry, app } = await start('pglite:');
    const response = await post(url, 'later');
    expect(response.status).toBe(201);
    const { id } = (await response.json()) as { id: string };
    expect(await registry.get(id)).toMatchObject({ id, name: 'Work.note', status: 'pending' });
    expect((await post(url, 'throws')).status).toBe(409);
    expect(await app.get(BullMqQueues).get('work').getJobCounts()).toMatchObject({
      delayed: 1,
      waiting: 0,
      completed: 0,
    });
    expect(await registry.cancel(id)).toBe(true);
    await expect.poll(() => registry.get(id)).toMatchObject({ status: 'cancelled' });
  });

  test('attempts, backoff, delay, values of all kinds and the record of a failure are as with a server', async () => {
    const { runner, registry, work } = await start('pglite:');
    const flaky = runner.start(work, 'flaky');
    expect(await flaky.settled()).toMatchObject({ status: 'completed', attempts: 3 });
    const [first, second, third] = ran as number[];
    expect(Math.min(second! - first!, third! - second!)).toBeGreaterThan(95);

    const failing = runner.start(work, 'fails');
    expect(await failing.settled()).toMatchObject({
      status: 'failed',
      attempts: 2,
      error: { name: 'RangeError', message: 'never' },
    });
    expect(await registry.get(failing.id)).toMatchObject({ status: 'failed', attempts: 2 });

    const addedAt = Date.now();
    const delayed = await runner.with({ delay: 700 }).start(work, 'note', 'delayed').settled();
    expect(Date.parse(delayed.startedAt!) - addedAt).toBeGreaterThanOrEqual(700);

    const value = {
      at: new Date(0),
      tags: new Map([['a', new Set([1n])]]),
      text: `'"\\{}\0 ${'x'.repeat(700_000)}`,
      nothing: null,
    };
    expect(await runner.start(work, 'note', value).settled()).toMatchObject({
      status: 'completed',
      result: { text: value.text },
    });
    expect(ran.at(-1)).toEqual(value);

    expect(await runner.start(square, 7).settled()).toMatchObject({
      status: 'completed',
      result: { square: 49, isMainThread: false, attempt: 1 },
    });
  });

  test('one that runs tells its progress, and is cancelled', async () => {
    const { runner, registry, work } = await start('pglite:');
    const task = runner.start(work, 'slow');
    await started.opened;
    await expect
      .poll(() => registry.get(task.id), patience)
      .toMatchObject({ status: 'running', progress: { done: 1 } });
    expect(await registry.cancel(task.id)).toBe(true);
    expect(await task.settled()).toMatchObject({ status: 'cancelled', error: { name: 'TaskCancelledError' } });
  });

  test('500 tasks of 50 requests run once each; of those with the same deduplication id, one', async () => {
    const { url, runner } = await start('pglite:');
    const requests = Array.from({ length: 50 }, (_, i) => post(url, `ten/${i * 10}`));
    expect((await Promise.all(requests)).every(({ status }) => status === 201)).toBe(true);
    await expect.poll(() => runner.stats().completed, { timeout: 60_000 }).toBe(500);
    expect((ran as number[]).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 500 }, (_, i) => i));

    await Promise.all([post(url, 'same'), post(url, 'same'), post(url, 'same')]);
    await expect.poll(() => ran.at(-1), patience).toBe('the one');
    await runner.start(Work, 'note', 'after it').settled();
    expect(ran.slice(500)).toEqual(['the one', 'after it']);
  });
});

describe('in a folder', { timeout: 120_000 }, () => {
  test('what one application has stored, the next one runs, and knows of what was', async () => {
    const folder = join(await ownFolder(), 'not/there/yet');
    const first = await start(`pglite:${folder}`, { concurrency: 1 });
    const done = first.runner.start(first.work, 'note', 'done');
    await done.settled();
    const given = first.runner.start(first.work, 'slow');
    await started.opened;
    const waiting = first.runner.start(first.work, 'slow');
    await expect.poll(() => first.registry.get(waiting.id), patience).toMatchObject({ status: 'pending' });
    await first.app.close();

    const second = await start(`pglite:${folder}`, false);
    expect(await second.registry.get(done.id)).toMatchObject({ status: 'completed', result: 'done' });
    expect(await second.registry.get(given.id)).toMatchObject({ status: 'pending', attempts: 0 });
    await second.app.close();

    const third = await start(`pglite:${folder}`);
    await expect.poll(() => third.registry.get(given.id), patience).toMatchObject({ status: 'running' });
    await expect.poll(() => third.registry.get(waiting.id), patience).toMatchObject({ status: 'running' });
  });

  test('an application that finds the folder open does not start, and says why', async () => {
    const folder = await ownFolder();
    const first = await start(`pglite:${folder}`);
    await expect(start(`pglite:${folder}`)).rejects.toThrow(folderInUse(folder));
    ran = [];
    expect(await first.runner.start(first.work, 'note', 'still there').settled()).toMatchObject({
      status: 'completed',
    });
    await first.app.close();
    await (await start(`pglite:${folder}`)).app.close();
  });

  test('a folder that holds something else is named', async () => {
    const folder = await ownFolder();
    await writeFile(join(folder, 'PG_VERSION'), '9.6\n');
    await expect(start(`pglite:${folder}`)).rejects.toThrow(folderNotOpened(folder));
    expect(await readdir(folder)).toContain('PG_VERSION');
  });

  test('no answered task is lost when the process is killed, again and again', async () => {
    const folder = await ownFolder();
    await installPackage(folder);
    await cp(join(import.meta.dirname, '../../bench'), join(folder, 'bench'), { recursive: true });
    const { stdout } = await promisify(execFile)(process.execPath, [join(folder, 'bench/pglite/killed.mjs'), '2']);
    expect(stdout).toMatch(/ met$/m);
    expect(stdout).not.toContain('NOT MET');
  });
});

test('what looks like the URL of a server is refused', async () => {
  await expect(start('pglite://./folder')).rejects.toThrow(/connection.*pglite:\.\/folder/s);
});
