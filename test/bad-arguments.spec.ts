import { Controller, Get } from '@nestjs/common';
import { expect, test } from 'vitest';
import {
  BackgroundTasks,
  BackgroundTasksError,
  Task,
  TaskArgumentError,
  TaskRunner,
  Tasks,
} from 'nestjs-background-tasks';
import { notProvided } from '../lib/execution/execution.messages.ts';
import {
  classAsTask,
  generatorAsTask,
  methodItself,
  methodNotNamed,
  noSuchMethod,
  notATask,
  promiseAsTask,
} from '../lib/task/task.messages.ts';
import { startApp } from './fixtures/start-app.ts';

class Base {
  inherited(): void {}
}

class Mailer extends Base {
  readonly sender = 'noreply';
  static stats(): void {}
  send(_to: string): void {}
}

class Reports {
  @Task({ attempts: 3 })
  build(): string {
    return this instanceof Reports ? 'built' : 'lost';
  }
}

const hostile = {
  get constructor(): never {
    throw new Error('not for reading');
  },
};

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable<object>({}, {});
  revoke();
  return proxy;
}

/** Calls without the types, like JavaScript. */
type Untyped = (...args: unknown[]) => unknown;

const bad: [label: string, args: unknown[], message: (caller: string) => string][] = [
  ['nothing', [], (caller) => notATask(caller, 'undefined')],
  ['undefined', [undefined], (caller) => notATask(caller, 'undefined')],
  ['null', [null], (caller) => notATask(caller, 'null')],
  ['a string', ['send'], (caller) => notATask(caller, 'a string')],
  ['a number', [5, 'toFixed'], (caller) => notATask(caller, 'a number')],
  ['an object alone', [new Mailer()], (caller) => notATask(caller, 'an object (Mailer)')],
  ['an object without a prototype', [Object.create(null)], (caller) => notATask(caller, 'an object (Object)')],
  ['an object that throws', [hostile], (caller) => notATask(caller, 'an object (Object)')],
  ['an array', [[() => undefined], 0], (caller) => methodNotNamed(caller, 'Array', 'a number')],
  ['a generator', [function* rows() {}], (caller) => generatorAsTask(caller, 'the function rows')],
  ['an async generator', [async function* () {}], (caller) => generatorAsTask(caller, 'an anonymous function')],
  ['a revoked proxy', [revoked()], (caller) => notATask(caller, 'an object that can not be inspected')],
  ['a promise', [Promise.resolve()], (caller) => promiseAsTask(caller)],
  ['a class', [Mailer], (caller) => classAsTask(caller, 'Mailer')],
  ['a method that is no name', [new Mailer(), 5], (caller) => methodNotNamed(caller, 'Mailer', 'a number')],
  [
    'a method itself',
    [new Mailer(), new Mailer().send],
    (caller) => methodNotNamed(caller, 'Mailer', 'the function send'),
  ],
  // It would run without its object, its options and its queue.
  ['a method with @Task without its object', [new Reports().build], (caller) => methodItself(caller, 'build')],
  [
    'an unknown method',
    [new Mailer(), 'nope'],
    (caller) => noSuchMethod(caller, 'Mailer', 'nope', 'undefined', ['send', 'inherited']),
  ],
  [
    'an argument in place of the method',
    [new Mailer(), 'ada@example.com'],
    (caller) => methodNotNamed(caller, 'Mailer', 'a string that is not a name'),
  ],
  [
    'a property',
    [new Mailer(), 'sender'],
    (caller) => noSuchMethod(caller, 'Mailer', 'sender', 'a string', ['send', 'inherited']),
  ],
  ['a class that nobody provides', [Mailer, 'nope'], () => notProvided('Mailer.nope', 'Mailer')],
  ['no methods', [{ a: 1 }, 'a'], (caller) => noSuchMethod(caller, 'Object', 'a', 'a number', [])],
];

test.each(bad)('start: %s', async (_label, args, message) => {
  const { app } = await startApp({});
  const runner = app.get(TaskRunner);
  expect(() => (runner.start as Untyped).apply(runner, args)).toThrow(new TaskArgumentError(message('start')));
});

test('a bound method with @Task is a function', async () => {
  const { runner } = await startApp({});
  const reports = new Reports();
  const bound = reports.build.bind(reports);
  // As decorators do that wrap a method.
  for (const key of Reflect.getMetadataKeys(reports.build)) {
    Reflect.defineMetadata(key, Reflect.getMetadata(key, reports.build), bound);
  }
  expect(await runner.start(bound).settled()).toMatchObject({ name: 'build', result: 'built' });
});

test('addTask: the caller gets the error, and the client learns of it', async () => {
  const thrown: unknown[] = [];
  @Controller()
  class BadController {
    @Get()
    get(@Tasks() tasks: BackgroundTasks) {
      for (const [, args] of bad) {
        try {
          (tasks.addTask as Untyped).apply(tasks, args);
        } catch (error) {
          thrown.push(error);
        }
      }
      (tasks.addTask as Untyped).call(tasks, undefined);
    }
  }
  const { url, runner } = await startApp({ controllers: [BadController] });
  expect((await fetch(url)).status).toBe(500);
  expect(thrown).toEqual(bad.map(([, , message]) => new TaskArgumentError(message('addTask'))));
  expect(thrown[0]).toBeInstanceOf(BackgroundTasksError);
  expect((thrown[0] as Error).name).toBe('TaskArgumentError');
  await runner.drain();
});

test('a message says what was expected, what came and what to do', () => {
  expect(notATask('addTask', 'undefined')).toMatchInlineSnapshot(
    `"addTask(task, ...): expected a function, or an object and the name of one of its methods, got undefined. Write addTask(fn, ...args) or addTask(target, 'method', ...args), not addTask(fn(...args)), which calls fn now."`,
  );
  expect(methodItself('addTask', 'send')).toMatchInlineSnapshot(
    `"addTask(send): expected an object and the name of its method with @Task, got the method itself, which loses its object, its options and its queue. Write addTask(target, 'send', ...args)."`,
  );
  expect(noSuchMethod('addTask', 'Mailer', 'nope', 'undefined', ['send'])).toMatchInlineSnapshot(
    `"addTask(Mailer, 'nope'): expected Mailer.nope to be a method, got undefined. Use one of its methods: send."`,
  );
});

test.each(['', 5, Symbol('name'), undefined])('a function whose name is %o is anonymous', async (name) => {
  const { runner } = await startApp({});
  const fn = Object.defineProperty(() => 'done', 'name', { value: name });
  expect(await runner.start(fn).settled()).toMatchObject({ name: 'anonymous', status: 'completed' });
});
