import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FoundServer } from './fixtures/find-server.ts';
import { INSTALL_TIMEOUT, installPackage, otherNests } from './fixtures/install-package.ts';
import { findRedis } from './fixtures/redis-server.ts';

const run = promisify(execFile);

/** The folder of a CommonJS application with Nest 11, which is CommonJS too. */
let folder: string;
let redis: FoundServer | undefined;

const files = {
  'package.json': JSON.stringify({ type: 'commonjs' }),
  'application.js': `
    require('reflect-metadata');
    const { Module } = require('@nestjs/common');
    const { NestFactory } = require('@nestjs/core');
    exports.start = async (imports, providers = []) => {
      class AppModule {}
      Module({ imports, providers })(AppModule);
      return NestFactory.createApplicationContext(AppModule, { abortOnError: false, logger: false });
    };
    exports.print = (value) => process.stdout.write(JSON.stringify(value));
    exports.messageOf = (error) => ({ name: error.name, code: error.code, message: error.message });
  `,
  'required.task.js': `
    const { defineTask } = require('nestjs-background-tasks/task');
    exports.required = defineTask(require('./work.js').work, { name: 'required', thread: __filename });
  `,
  'imported.task.mjs': `
    import { defineTask } from 'nestjs-background-tasks/task';
    import { work } from './work.js';
    // \`require()\` refuses a file with a top-level await.
    await Promise.resolve();
    export const imported = defineTask(work, { name: 'imported', thread: import.meta.url });
  `,
  'work.js': `
    const { currentTask } = require('nestjs-background-tasks/task');
    exports.work = function work(n) {
      if (n === 0) {
        throw Object.assign(new RangeError('zero'), { code: 'ZERO' });
      }
      return { half: n / 2, isMain: require('node:worker_threads').isMainThread, name: currentTask().name };
    };
  `,
};

beforeAll(async () => {
  redis = await findRedis();
  folder = await mkdtemp(join(tmpdir(), 'commonjs-'));
  await installPackage(folder, otherNests[11]);
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(folder, name), content);
  }
}, INSTALL_TIMEOUT);

afterAll(async () => {
  await redis?.stop();
  await rm(folder, { recursive: true });
});

/** What a script prints as JSON. `flags` are for Node. */
async function printed(script: string, ...flags: string[]): Promise<unknown> {
  const { stdout } = await run(process.execPath, [...flags, '-e', script], { cwd: folder });
  return JSON.parse(stdout);
}

test('an application without ESM runs tasks on the event loop, in threads and from a queue', async ({ skip }) => {
  skip(!redis, 'There is no Redis');
  const script = `
    const { BackgroundTasksModule, TaskRunner, defineTask } = require('nestjs-background-tasks');
    const { BullMqTasksModule } = require('nestjs-background-tasks/bullmq');
    const { start, print } = require('./application.js');
    const { required } = require('./required.task.js');
    const { work } = require('./work.js');
    const queued = defineTask(work, { name: 'queued', queue: 'commonjs' });
    (async () => {
      const options = { connection: '${redis?.url}', prefix: 'commonjs-${randomUUID()}' };
      const app = await start([BackgroundTasksModule.forRoot(), BullMqTasksModule.forRoot(options)]);
      const runner = app.get(TaskRunner);
      const records = [];
      for (const task of [work, required, queued]) {
        const { status, result } = await runner.start(task, 4).settled();
        records.push({ status, result });
      }
      const failing = runner.start(required, 0);
      await failing.settled();
      print([...records, failing.error.constructor.name + ' ' + failing.error.code]);
      await app.close();
    })();
  `;
  // With this flag \`require()\` refuses ESM, as in Jest.
  expect(await printed(script, '--no-experimental-require-module')).toEqual([
    { status: 'completed', result: { half: 2, isMain: true, name: 'work' } },
    { status: 'completed', result: { half: 2, isMain: false, name: 'required' } },
    { status: 'completed', result: { half: 2, isMain: true, name: 'queued' } },
    'RangeError ZERO',
  ]);
});

test.for(['require', 'import'])('an application that loads the package by %s runs tasks of both kinds', async (way) => {
  const script = `
    (async () => {
      const { BackgroundTasksModule, TaskRunner } = await ${way}('nestjs-background-tasks');
      const { start, print } = require('./application.js');
      const { required } = require('./required.task.js');
      const { imported } = await import('./imported.task.mjs');
      const app = await start([BackgroundTasksModule.forRoot({ pool: { maxThreads: 1 } })]);
      const results = [];
      for (const task of [required, imported]) {
        results.push((await app.get(TaskRunner).start(task, 4).settled()).result);
      }
      print(results);
      await app.close();
    })();
  `;
  const results = ['required', 'imported'].map((name) => ({ half: 2, isMain: false, name }));
  expect(await printed(script)).toEqual(results);
});

const error = { name: 'ModuleImportError', code: 'BACKGROUND_TASKS_MODULE' };
const inFolder = (...path: string[]) => join(folder, 'node_modules', ...path);

test.for(['nestjs-background-tasks', 'nestjs-background-tasks/bullmq'])(
  'a CommonJS application that also imports %s does not start: Nest would miss a provider',
  async (entry) => {
    const script = `
      const { BackgroundTasksModule } = require('nestjs-background-tasks');
      const { start, print, messageOf } = require('./application.js');
      (async () => {
        await import('${entry}');
        await start([BackgroundTasksModule.forRoot()]);
      })().catch((error) => print(messageOf(error)));
    `;
    const built = inFolder('nestjs-background-tasks/dist');
    expect(await printed(script)).toEqual({
      ...error,
      message:
        `BackgroundTasksModule: expected one copy of nestjs-background-tasks, got 2: ${join(built, 'cjs')}, ${built}. ` +
        'Load it everywhere by import, or everywhere by require. Files with tasks for threads may load ' +
        'nestjs-background-tasks/task either way.',
    });
  },
);

test('an application with two versions does not start, also if the second is loaded after forRoot', async () => {
  const library = inFolder('library');
  const second = join(library, 'node_modules/nestjs-background-tasks');
  await mkdir(dirname(second), { recursive: true });
  await cp(inFolder('nestjs-background-tasks'), second, { recursive: true });
  await writeFile(
    join(library, 'index.js'),
    `exports.BackgroundTasks = require('nestjs-background-tasks').BackgroundTasks;`,
  );
  const script = `
    const { BackgroundTasksModule } = require('nestjs-background-tasks');
    const { start, print, messageOf } = require('./application.js');
    const module = BackgroundTasksModule.forRoot();
    require('library');
    start([module]).catch((error) => print(messageOf(error)));
  `;
  const folders = [inFolder('nestjs-background-tasks'), second].map((it) => join(it, 'dist/cjs'));
  expect(await printed(script)).toEqual({
    ...error,
    message:
      `BackgroundTasksModule: expected one copy of nestjs-background-tasks, got 2: ${folders.join(', ')}. ` +
      'Run `npm ls nestjs-background-tasks`, and let all packages that it names depend on the same version.',
  });
});
