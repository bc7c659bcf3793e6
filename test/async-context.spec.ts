import { AsyncLocalStorage } from 'node:async_hooks';
import type { IncomingMessage } from 'node:http';
import { Controller, Get, Param } from '@nestjs/common';
import { defer, of } from 'rxjs';
import { expect, test } from 'vitest';
import { BackgroundTasks, currentTask, Tasks, TaskRunner } from 'nestjs-background-tasks';
import { startApp } from './fixtures/start-app.ts';

const tenant = new AsyncLocalStorage<string>();
const seen: string[] = [];

const look = (label: string) => void seen.push(`${label}: ${tenant.getStore()}`);

async function lookTwice(label: string) {
  look(label);
  await new Promise(setImmediate);
  look(label);
}

@Controller()
class ContextController {
  constructor(private readonly runner: TaskRunner) {}

  @Get(':id')
  get(@Param('id') id: string, @Tasks() tasks: BackgroundTasks) {
    tasks.addTask(lookTwice, `${id} request`);
    tenant.run(`${id} inner`, () => tasks.addTask(look, `${id} added inside`));
    tasks.addTask(() => {
      tenant.run(`${id} nested`, () => tasks.addTask(look, `${id} added by a task`));
    });
    this.runner.start(look, `${id} runner`);
  }
}

test('a task sees the async context of the place that added it', async () => {
  const { url, runner } = await startApp({ controllers: [ContextController] }, {}, (app) => {
    app.use((request: IncomingMessage, _response: unknown, next: () => void) => tenant.run(request.url!, next));
  });
  await Promise.all([fetch(`${url}/a`), fetch(`${url}/b`)]);
  await runner.drain();
  for (const id of ['a', 'b']) {
    expect(seen.filter((entry) => entry.startsWith(id)).toSorted()).toEqual(
      [
        `${id} added by a task: ${id} nested`,
        `${id} added inside: ${id} inner`,
        `${id} request: /${id}`,
        `${id} request: /${id}`,
        `${id} runner: /${id}`,
      ].toSorted(),
    );
  }
});

test('a lazy thenable or Observable sees it too', async () => {
  const { runner } = await startApp({});
  const stores: Record<string, string | undefined> = {};
  const note = (label: string) => void (stores[label] = `${tenant.getStore()} ${currentTask()?.name}`);
  const lazy = (label: string) => ({
    // oxlint-disable-next-line unicorn/no-thenable -- as query builders are
    then(resolve: (value: undefined) => void) {
      note(label);
      resolve(undefined);
    },
  });
  tenant.run('acme', () => {
    const named = (name: string) => runner.with({ name });
    named('observable').start(() => defer(() => (note('observable'), of(1))));
    named('thenable').start(() => lazy('thenable'));
    named('async').start(async () => lazy('async'));
  });
  await runner.drain();
  expect(stores).toEqual({ observable: 'acme observable', thenable: 'acme thenable', async: 'acme async' });
});

test('the error of a task is logged in its async context', async () => {
  const { runner, log } = await startApp({});
  const contexts: (string | undefined)[] = [];
  const error = log.error.bind(log);
  log.error = (...args) => {
    contexts.push(tenant.getStore());
    error(...args);
  };
  tenant.run('acme', () => runner.start(() => Promise.reject(new Error('boom'))));
  await runner.drain();
  expect(contexts).toEqual(['acme']);
});

test.each([
  ['a function', () => undefined],
  [
    'a function that throws',
    () => {
      throw new Error('boom');
    },
  ],
  ['a promise', async () => {}],
  ['a promise that rejects', () => Promise.reject(new Error('boom'))],
])('what hears of the end of a task is not in the task: %s', async (_label, fn) => {
  const { runner, log } = await startApp({});
  const tasks: Record<string, string | undefined> = {};
  const note = (label: string) => void (tasks[label] = currentTask()?.name);
  Object.assign(log, { error: () => note('error'), debug: () => note('debug') });
  runner.events.subscribe(({ type }) => void (type === 'added' || type === 'started' || note(type)));
  runner.with({ attempts: 2, retryIf: () => (note('retryIf'), true) }).start(fn);
  await runner.drain();
  expect(Object.keys(tasks)).not.toHaveLength(0);
  expect(Object.values(tasks).filter((name) => name !== undefined)).toEqual([]);
});

test('what a subscriber enters stays in its call', async () => {
  const { runner } = await startApp({});
  const stores: (string | undefined)[] = [];
  runner.events.subscribe(({ type, task }) => {
    if (type === 'completed') {
      stores.push(tenant.getStore());
      tenant.enterWith(task.id);
    }
  });
  for (let i = 0; i < 3; i++) {
    await runner.start(() => new Promise(setImmediate)).settled();
    await runner.drain();
  }
  expect(stores).toEqual([undefined, undefined, undefined]);
});
