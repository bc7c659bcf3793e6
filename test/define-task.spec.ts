import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { defineTask, DefineTaskError, InvalidOptionError, TaskThreadError } from 'nestjs-background-tasks';
import { forRootInThread } from '../lib/module/module.messages.ts';
import {
  definedInEntryFile,
  definedTwice,
  defineWithoutFunction,
  defineWithoutName,
  threadIsNoModule,
} from '../lib/task/task.messages.ts';
import { moduleNotLoaded, taskNotDefined } from '../lib/threads/threads.messages.ts';
import { unknownOption } from '../lib/validation/validation.messages.ts';
import { besideTheApplication } from './fixtures/threads/application.task.ts';
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
])('defineTask with %s', (_label, define, message) => {
  expect(define).toThrow(new DefineTaskError(message));
});

test('defineTask with an unknown option', () => {
  expect(() => defineTask(() => undefined, { name: 'a', threads: 1 } as never)).toThrow(
    new InvalidOptionError(unknownOption('defineTask', 'threads', taskOptionNames)),
  );
});

test.each([
  ['a URL', new URL('file:///a/b.js')],
  ['a path', '/a/b.js'],
  ['a URL with the query of a loader', 'file:///a/b.js?t=1#x'],
])('thread can be %s', (_label, thread) => {
  expect(defineTask(() => undefined, { name: 'a', thread })).toBeTypeOf('function');
});

test.each([
  ['is not defined at the top level', defineLate(), taskNotDefined('late', 'late', urlOf('not-at-top')), undefined],
  ['has a module that fails', broken, moduleNotLoaded('broken', urlOf('broken')), 'this file does not load in threads'],
  [
    'stands beside forRoot',
    besideTheApplication,
    moduleNotLoaded('besideTheApplication', urlOf('application')),
    forRootInThread(),
  ],
  ['has a namesake', first, moduleNotLoaded('same', urlOf('twice')), definedTwice('same', urlOf('twice'))],
  [
    'has a module that is not there',
    defineTask(() => undefined, { name: 'gone', thread: 'file:///nowhere/gone.js' }),
    moduleNotLoaded('gone', 'file:///nowhere/gone.js'),
    expect.stringContaining("Cannot find module '/nowhere/gone.js'"),
  ],
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
  await writeFile(
    entry,
    `import { defineTask } from ${JSON.stringify(lib)};
     try { defineTask(function own() {}, { thread: import.meta.url }); } catch (error) { console.log(error.message); }
     try { defineTask(function other() {}, { thread: new URL('./other.ts', import.meta.url) }); console.log('fine'); } catch {}`,
  );
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', import.meta.resolve('tsx'), entry], {
    cwd: tmpdir(),
  });
  expect(stdout).toBe(`${definedInEntryFile('own', pathToFileURL(entry).href)}\nfine\n`);
});
