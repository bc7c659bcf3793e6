import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import {
  BackgroundTasksModule,
  defineTask,
  DefineTaskError,
  InvalidOptionError,
  ModuleImportError,
  TaskThreadError,
} from 'nestjs-background-tasks';
import { forRootInThread } from '../lib/module/module.messages.ts';
import {
  definedBesideForRoot,
  definedInEntryFile,
  definedTwice,
  defineWithoutFunction,
  defineWithoutName,
  threadIsEmpty,
  threadIsNoFile,
  threadIsNoModule,
} from '../lib/task/task.messages.ts';
import { moduleNotLoaded, taskNotDefined } from '../lib/threads/threads.messages.ts';
import { unknownOption } from '../lib/validation/validation.messages.ts';
import { withTheApplication } from './fixtures/threads/application.task.ts';
import { broken } from './fixtures/threads/broken.task.ts';
import { defineLate } from './fixtures/threads/not-at-top.task.ts';
import { first } from './fixtures/threads/twice.task.ts';
import { startApp } from './fixtures/start-app.ts';
import { taskOptionNames } from './fixtures/task-option-names.ts';

const urlOf = (name: string) => new URL(`./fixtures/threads/${name}.task.ts`, import.meta.url).href;

test('options of the definition apply, and options of the call override them', async () => {
  const { runner } = await startApp({});
  const slow = defineTask(() => new Promise(() => undefined), { name: 'slow', timeout: 5 });
  expect(await runner.start(slow).settled()).toMatchObject({
    name: 'slow',
    status: 'failed',
    error: { name: 'TaskTimeoutError' },
  });
  const task = runner.with({ name: 'slower', timeout: 60_000 }).start(slow);
  await expect.poll(() => task.status).toBe('running');
  expect(task.name).toBe('slower');
  task.cancel();
});

test('a defined function keeps its this, its arguments and its result', () => {
  const holder = {
    factor: 2,
    times: defineTask(function times(this: { factor: number }, by: number) {
      return this.factor * by;
    }),
  };
  expect(holder.times(21)).toBe(42);
});

test.each([
  ['no function', () => defineTask('x' as never), defineWithoutFunction("'x'")],
  ['no name', () => defineTask(() => undefined), defineWithoutName("''")],
  [
    'a relative path',
    () => defineTask(() => undefined, { name: 'a', thread: './a.ts' }),
    threadIsNoModule('a', 'a string of 6 characters'),
  ],
  [
    'a web address',
    () => defineTask(() => undefined, { name: 'a', thread: 'https://a/b.js' }),
    threadIsNoModule('a', 'a string of 14 characters'),
  ],
  ['true', () => defineTask(() => undefined, { name: 'a', thread: true as never }), threadIsNoModule('a', 'true')],
  [
    'thread: undefined',
    () => defineTask(() => undefined, { name: 'a', thread: undefined }),
    threadIsEmpty('a', 'undefined'),
  ],
  ['an empty thread', () => defineTask(() => undefined, { name: 'a', thread: '' }), threadIsEmpty('a', "''")],
  [
    'a file that is not there',
    () => defineTask(() => undefined, { name: 'a', thread: '/nowhere/gone.js' }),
    threadIsNoFile('a', 'file:///nowhere/gone.js'),
  ],
])('defineTask with %s', (_label, define, message) => {
  expect(define).toThrow(new DefineTaskError(message));
});

test('defineTask with an unknown option', () => {
  expect(() => defineTask(() => undefined, { name: 'a', threads: 1 } as never)).toThrow(
    new InvalidOptionError(unknownOption('defineTask', 'threads', taskOptionNames)),
  );
});

test.each([
  ['a URL', new URL(import.meta.url)],
  ['a path', import.meta.filename],
  ['a URL with the query of a loader', `${import.meta.url}?t=1#x`],
  ['the file that a build makes of this one', import.meta.filename.replace('.ts', '.js')],
])('thread can be %s', (_label, thread) => {
  expect(defineTask(() => undefined, { name: 'a', thread })).toBeTypeOf('function');
});

test.each([
  ['is not defined at the top level', defineLate(), taskNotDefined('late', 'late', urlOf('not-at-top')), undefined],
  ['has a module that fails', broken, moduleNotLoaded('broken', urlOf('broken')), 'this file does not load in threads'],
  [
    'imports the application',
    withTheApplication,
    moduleNotLoaded('withTheApplication', urlOf('application')),
    forRootInThread(),
  ],
  ['has a namesake', first, moduleNotLoaded('same', urlOf('twice')), definedTwice('same', urlOf('twice'))],
])('a task that %s fails with a reason', async (_label, task, message, cause) => {
  const { runner } = await startApp({});
  const handle = runner.start(task);
  expect(await handle.settled()).toMatchObject({ status: 'failed', error: { name: 'TaskThreadError', message } });
  expect(handle.error).toBeInstanceOf(TaskThreadError);
  expect(((handle.error as Error).cause as Error | undefined)?.message).toEqual(cause);
});

test('a task in the file with which the process was started is refused', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'entry-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const entry = join(folder, 'entry.ts');
  const lib = pathToFileURL(join(import.meta.dirname, '../lib/task/index.ts')).href;
  await writeFile(join(folder, 'other.ts'), '');
  await writeFile(
    entry,
    `import { defineTask } from ${JSON.stringify(lib)};
     try { defineTask(function own() {}, { thread: import.meta.url }); } catch (error) { console.log(error.message); }
     try { defineTask(function other() {}, { thread: new URL('./other.ts', import.meta.url) }); console.log('fine'); } catch (error) { console.log(error.message); }`,
  );
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', import.meta.resolve('tsx'), entry], {
    cwd: tmpdir(),
  });
  expect(stdout).toBe(`${definedInEntryFile('own', pathToFileURL(entry).href)}\nfine\n`);
});

test('a task in a file that calls forRoot is refused by the second of the two calls', async () => {
  const file = new URL('./fixtures/threads/beside-for-root.task.ts', import.meta.url);
  await expect(import(file.href)).rejects.toThrow(
    new DefineTaskError(definedBesideForRoot('besideForRoot', file.href)),
  );
  expect(defineTask(() => undefined, { name: 'first', thread: import.meta.url })).toBeTypeOf('function');
  expect(() => BackgroundTasksModule.forRoot()).toThrow(
    new ModuleImportError(definedBesideForRoot('first', import.meta.filename)),
  );
  expect(() => BackgroundTasksModule.forRootAsync({ useFactory: () => ({}) })).toThrow(ModuleImportError);
});
