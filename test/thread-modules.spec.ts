import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { INSTALL_TIMEOUT, installPackage } from './fixtures/install-package.ts';

const run = promisify(execFile);

/** The newer Node that .ci/run installs, because not every Node can load TypeScript. */
const otherNode = join(import.meta.dirname, 'nodes/node_modules/node24/bin/node');

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'modules-'));
  await installPackage(folder);
}, INSTALL_TIMEOUT);

afterAll(() => rm(folder, { recursive: true }));

const task = (identity: string, types: boolean) => `
  export const sum = defineTask(function sum(numbers${types ? ': number[]' : ''}) {
    return { sum: numbers.reduce((a, b) => a + b, 0), main: isMainThread, task: currentTask()${types ? '!' : ''}.name };
  }, { thread: ${identity} });
`;

const importing = `
  import { isMainThread } from 'node:worker_threads';
  import { currentTask, defineTask } from 'nestjs-background-tasks/task';
`;

const requiring = `
  const { isMainThread } = require('node:worker_threads');
  const { currentTask, defineTask } = require('nestjs-background-tasks/task');
`;

const main = `
  class AppModule {}
  Module({ imports: [BackgroundTasksModule.forRoot({ pool: { maxThreads: 1 } })] })(AppModule);
  async function run() {
    const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
    const { status, result, error } = await app.get(TaskRunner).start(sum, [1, 2, 3]).settled();
    console.log(JSON.stringify({ status, result, error }));
    await app.close();
  }
  void run();
`;

const importMain = (file: string) => `
  import 'reflect-metadata';
  import { Module } from '@nestjs/common';
  import { NestFactory } from '@nestjs/core';
  import { BackgroundTasksModule, TaskRunner } from 'nestjs-background-tasks';
  import { sum } from './${file}';
  ${main}
`;

const requireMain = (file: string) => `
  require('reflect-metadata');
  const { Module } = require('@nestjs/common');
  const { NestFactory } = require('@nestjs/core');
  const { BackgroundTasksModule, TaskRunner } = require('nestjs-background-tasks');
  const { sum } = require('./${file}');
  ${main}
`;

interface Application {
  type: 'module' | 'commonjs';
  files: Record<string, string>;
  entry: string;
  node?: string;
  args?: string[];
}

async function result(name: string, { type, files, entry, node = process.execPath, args = [] }: Application) {
  const app = join(folder, name);
  await mkdir(app, { recursive: true });
  for (const [file, content] of Object.entries({ 'package.json': JSON.stringify({ type }), ...files })) {
    await writeFile(join(app, file), content);
  }
  const { stdout } = await run(node, [...args, entry], { cwd: app });
  return JSON.parse(stdout) as unknown;
}

const completed = { status: 'completed', result: { sum: 6, main: false, task: 'sum' } };
const tsx = ['--import', pathToFileURL(join(import.meta.dirname, '../node_modules/tsx/dist/loader.mjs')).href];

test('from JavaScript, as ESM', async () => {
  const files = { 'sum.task.js': importing + task('import.meta.url', false), 'main.js': importMain('sum.task.js') };
  expect(await result('esm', { type: 'module', files, entry: 'main.js' })).toEqual(completed);
});

test('from JavaScript, as CommonJS', async () => {
  const files = {
    'sum.task.js': requiring + task('__filename', false).replace('export const sum =', 'exports.sum ='),
    'main.js': requireMain('sum.task.js'),
  };
  expect(await result('cjs', { type: 'commonjs', files, entry: 'main.js' })).toEqual(completed);
});

test('from TypeScript under tsx, as ESM', async () => {
  const files = { 'sum.task.ts': importing + task('import.meta.url', true), 'main.ts': importMain('sum.task.js') };
  expect(await result('tsx-esm', { type: 'module', files, entry: 'main.ts', args: tsx })).toEqual(completed);
});

test('from TypeScript under tsx, as CommonJS', async () => {
  const files = { 'sum.task.ts': importing + task('__filename', true), 'main.ts': importMain('sum.task') };
  expect(await result('tsx-cjs', { type: 'commonjs', files, entry: 'main.ts', args: tsx })).toEqual(completed);
});

test('from TypeScript, by Node’s own type stripping', async ({ skip }) => {
  const node = 'typescript' in process.features ? process.execPath : otherNode;
  const isThere = await access(node).then(
    () => true,
    () => false,
  );
  if (!isThere && process.env['REQUIRE_SERVICES'] !== '1') {
    skip(`Node ${process.version} strips no types; \`npm ci --prefix test/nodes\` brings one that does`);
  }
  const files = { 'sum.task.ts': importing + task('import.meta.url', true), 'main.ts': importMain('sum.task.ts') };
  // The package prefers tsx if it is installed.
  await rm(join(folder, 'node_modules/tsx'), { recursive: true });
  expect(await result('strip', { type: 'module', files, entry: 'main.ts', node })).toEqual(completed);
});
