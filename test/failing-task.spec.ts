import { Controller, Get, HttpCode, Query } from '@nestjs/common';
import { Agent, request } from 'node:http';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { BackgroundTasks, Tasks, type BackgroundTask, type OnFailure } from 'nestjs-background-tasks';
import { taskFailed, tasksSkipped } from '../lib/engine/engine.messages.ts';
import { startApp } from './fixtures/start-app.ts';

const ran: string[] = [];
let added: readonly BackgroundTask[];
const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown) => void unhandled.push(reason);

beforeEach(() => {
  ran.length = 0;
  process.on('unhandledRejection', onUnhandled);
});

afterEach(async () => {
  await new Promise(setImmediate);
  process.off('unhandledRejection', onUnhandled);
  expect(unhandled).toEqual([]);
});

function explode(): never {
  throw new Error('boom');
}

async function explodeLater(): Promise<never> {
  await new Promise(setImmediate);
  throw new Error('later boom');
}

@Controller()
class FailingController {
  @Get('first-fails')
  @HttpCode(204)
  firstFails(@Tasks() tasks: BackgroundTasks, @Query('this') onFailure?: OnFailure) {
    tasks.with({ onFailure }).addTask(explode);
    tasks.with({ name: 'second' }).addTask(() => ran.push('second'));
    tasks.with({ name: 'third' }).addTask(() => ran.push('third'));
    added = tasks.tasks;
  }

  @Get('later')
  later(@Tasks() tasks: BackgroundTasks) {
    tasks.addTask(explodeLater);
    added = tasks.tasks;
    return 'answered';
  }

  @Get('adds-and-fails')
  addsAndFails(@Tasks() tasks: BackgroundTasks) {
    tasks.addTask(() => {
      tasks.addTask(() => ran.push('added by the one that fails'));
      throw new Error('boom');
    });
    added = tasks.tasks;
  }

  @Get('mixed')
  mixed(@Tasks() tasks: BackgroundTasks) {
    tasks.addTask(explode);
    tasks.with({ runOn: 'failure' }).addTask(() => undefined);
    tasks.addTask(() => undefined);
    added = tasks.tasks;
  }

  @Get('strange')
  strange(@Tasks() tasks: BackgroundTasks) {
    const thrown = ['a string', undefined, null, 5, { a: 1 }, Object.create(null), hostile];
    for (const reason of thrown) {
      tasks.addTask(() => Promise.reject(reason));
    }
    added = tasks.tasks;
  }

  @Get('fine')
  fine(@Tasks() tasks: BackgroundTasks) {
    tasks.addTask(() => ran.push('fine'));
    return 'fine';
  }
}

const hostile = {
  get message(): string {
    throw new Error('not for reading');
  },
  toString(): string {
    throw new Error('not for reading');
  },
  [Symbol.for('nodejs.util.inspect.custom')]() {
    throw new Error('not for reading');
  },
};

test('tasks after a failed one are skipped, and each is logged once', async () => {
  const { url, runner, log } = await startApp({ controllers: [FailingController] });
  expect((await fetch(`${url}/first-fails?secret=1`)).status).toBe(204);
  await runner.drain();
  expect(ran).toEqual([]);
  const [first, second, third] = added as [BackgroundTask, BackgroundTask, BackgroundTask];
  expect([first.status, second.status, third.status]).toEqual(['failed', 'skipped', 'skipped']);
  expect(first.error).toBeInstanceOf(Error);
  expect(await first.settled()).toMatchObject({ status: 'failed', error: { name: 'Error', message: 'boom' } });
  expect(log.said('error')).toEqual([
    { level: 'error', message: taskFailed(first, 'GET /first-fails'), rest: [expect.any(String), 'BackgroundTasks'] },
  ]);
  expect(log.said('error')[0]?.rest[0]).toMatch(/^Error: boom\n {4}at explode .*failing-task\.spec\.ts/);
  expect(log.said('warn').map(({ message }) => message)).toEqual([
    tasksSkipped(first, [second, third], 'GET /first-fails'),
  ]);
});

test.each([
  ['for the application', { onFailure: 'continue' }, ''],
  ['for the task', {}, '?this=continue'],
] as const)("onFailure: 'continue' %s lets those after it run", async (_where, options, query) => {
  const { url, runner, log } = await startApp({ controllers: [FailingController] }, options);
  await fetch(`${url}/first-fails${query}`);
  await runner.drain();
  expect(ran).toEqual(['second', 'third']);
  expect(log.said('error')).toHaveLength(1);
  expect(log.said('warn')).toEqual([]);
});

test("onFailure: 'stop' for the task wins over the application's", async () => {
  const { url, runner } = await startApp({ controllers: [FailingController] }, { onFailure: 'continue' });
  await fetch(`${url}/first-fails?this=stop`);
  await runner.drain();
  expect(ran).toEqual([]);
});

test('a task that a failing task has added comes after it, and is skipped', async () => {
  const { url, runner } = await startApp({ controllers: [FailingController] });
  await fetch(`${url}/adds-and-fails`);
  await runner.drain();
  expect(added.map(({ status }) => status)).toEqual(['failed', 'skipped']);
  expect(ran).toEqual([]);
});

test('the next request on the connection, and other requests, never notice', async () => {
  const { port, runner } = await startApp({ controllers: [FailingController] });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  const sockets = new Set<unknown>();
  const get = async (path: string) => {
    const sent = request({ agent, port, host: '127.0.0.1', path }).end();
    const [response] = await once(sent, 'response');
    sockets.add(sent.socket);
    return text(response);
  };
  expect(await get('/later')).toBe('answered');
  expect(await get('/fine')).toBe('fine');
  await runner.drain();
  expect(await get('/fine')).toBe('fine');
  await runner.drain();
  expect(sockets.size).toBe(1);
  expect(added[0]?.status).toBe('failed');
  expect(ran).toEqual(['fine', 'fine']);
});

test('the log has the stack and causes of an error, but no other properties', async () => {
  const { runner, log } = await startApp({});
  const refused = Object.assign(new Error('refused'), { config: { headers: { authorization: 'Bearer SECRET' } } });
  runner.start(() => {
    throw new Error('could not send', { cause: refused });
  });
  await runner.drain();
  const [said] = log.said('error');
  expect(said?.rest[0]).toMatch(/^Error: could not send\n {4}at .*\nCaused by: Error: refused\n {4}at /s);
  expect(said?.rest[0]).not.toContain('SECRET');
});

test('the warning about skipped tasks leaves out a task whose runOn doesn’t match', async () => {
  const { url, runner, log } = await startApp({ controllers: [FailingController] });
  await fetch(`${url}/mixed`);
  await runner.drain();
  const [first, , third] = added as BackgroundTask[];
  expect(added.map(({ status }) => status)).toEqual(['failed', 'skipped', 'skipped']);
  expect(log.said('warn').map(({ message }) => message)).toEqual([tasksSkipped(first!, [third!], 'GET /mixed')]);
});

test('many skipped tasks are counted, not all named', () => {
  const tasks = Array.from({ length: 1_000 }, (_, i) => ({ id: `id-${i}`, name: 'many' }));
  const message = tasksSkipped({ id: 'id', name: 'first' }, tasks);
  expect(message).toContain('"many" (id-19) and 980 more. ');
  expect(message).not.toContain('id-20');
});

test.each([
  ['an error', () => new Error('no log')],
  ['something that can be made no string', () => Object.create(null) as unknown],
])('a logger that throws %s stops nothing', async (_what, made) => {
  const { runner, log } = await startApp({});
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => void warnings.push(warning);
  process.on('warning', onWarning);
  onTestFinished(() => void process.off('warning', onWarning));
  log.error = () => {
    throw made();
  };
  runner.start(explode);
  const after = runner.start(() => 'after');
  await runner.drain(5_000);
  expect(after.status).toBe('completed');
  await expect.poll(() => warnings.map(({ name }) => name)).toContain('BackgroundTasksWarning');
});

test('a task can throw a value that is no error', async () => {
  const { url, runner, log } = await startApp({ controllers: [FailingController] }, { onFailure: 'continue' });
  await fetch(`${url}/strange`);
  await runner.drain();
  const records = JSON.parse(JSON.stringify(added)) as { error: unknown }[];
  expect(records.map(({ error }) => error)).toEqual([
    { name: 'Error', message: 'a string' },
    { name: 'Error', message: 'undefined' },
    { name: 'Error', message: 'null' },
    { name: 'Error', message: '5' },
    { name: 'Error', message: 'an object (Object)' },
    { name: 'Error', message: 'an object (Object)' },
    { name: 'Error', message: 'an object (Object)' },
  ]);
  expect(log.said('error').map(({ message }) => message)).toEqual(
    added.map((task) => taskFailed(task, 'GET /strange')),
  );
});
