import { inspect } from 'node:util';
import { Injectable } from '@nestjs/common';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BackgroundTasks,
  BackgroundTasksError,
  BackgroundTasksModule,
  chain,
  currentTask,
  defineTask,
  group,
  InvalidOptionError,
  step,
  Task,
  type TaskEvent,
  TaskRegistry,
} from 'nestjs-background-tasks';
import { BullMqQueues, BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { BullMqTasksOptions, resolveBullMqOptions } from '../lib/bullmq/bullmq-tasks.options.ts';
import { encodeArguments, encodeResult } from '../lib/durable/codec/value-codec.ts';
import { withoutDetails, withoutMessage, withoutSecrets } from '../lib/util/secrets.ts';
import { BackgroundTasksOptions } from '../lib/options/background-tasks.options.ts';
import { ownPrefix, stopStores, stores } from './fixtures/queue-stores.ts';
import { startApp } from './fixtures/start-app.ts';
import { identity, returnsFunction, showCurrentTask } from './fixtures/threads/math.task.ts';

stopStores();

const everything = { depth: Infinity, showHidden: true, getters: true, maxArrayLength: null, maxStringLength: null };

/** Everything that a log could show of a value: properties, also hidden ones, getters and causes. */
const shown = (value: unknown) => inspect(value, everything);

type Act = (value: never) => unknown;

/** A function for each option, which sets this option alone. */
const setting = (where: string, names: string, set: (options: object) => unknown, base: object = {}): [string, Act][] =>
  names.split(' ').map((name) => [`${where}: ${name}`, (value) => set({ ...base, [name]: value as unknown })]);

const connection = 'redis://localhost';
const moduleOptions = (options: object) => BackgroundTasksModule.forRoot(options);
const queueOptions = (options: object) => resolveBullMqOptions(options as never);
const aTask = () => defineTask(function noop() {});

/** Each place where a value that was meant for another can stand. */
const places: [name: string, act: Act][] = [
  ['forRoot', (options) => BackgroundTasksModule.forRoot(options)],
  ['defineTask', (fn) => defineTask(fn)],
  ['@Task', (options) => Task(options)],
  ['BullMqTasksModule', (options) => resolveBullMqOptions(options)],
  ...setting('forRoot', 'execution onFailure runOn defaults concurrency maxPending', moduleOptions),
  ...setting('forRoot', 'shutdownTimeout history store blockingThreshold pool scope', moduleOptions),
  ...setting('pool', 'minThreads maxThreads idleTimeout maxQueue resourceLimits execArgv env', (pool) =>
    moduleOptions({ pool }),
  ),
  ...setting('resourceLimits', 'stackSizeMb codeRangeSizeMb', (resourceLimits) =>
    moduleOptions({ pool: { resourceLimits } }),
  ),
  ...setting('history', 'max ttl', (history) => moduleOptions({ history })),
  ...setting(
    'defineTask',
    'name runOn execution onFailure attempts backoff retryIf timeout delay priority',
    (options) => defineTask(function task() {}, options),
  ),
  ...setting('defineTask', 'thread deduplication', (options) => defineTask(aTask(), options)),
  ...setting('@Task', 'queue repeat', (options) => Task(options)),
  ...setting('backoff', 'type delay jitter', (backoff) => Task({ backoff } as never), { type: 'fixed', delay: 1 }),
  ...setting('deduplication', 'id', (deduplication) => Task({ deduplication } as never)),
  ...setting('repeat', 'pattern tz every', (repeat) => Task({ queue: 'q', repeat } as never)),
  ...setting('BullMqTasksModule', 'connection prefix worker enqueueTimeout onUnavailable', queueOptions, {
    connection,
  }),
  ...setting('BullMqTasksModule', 'maxSize maxAtOnce keepCompleted', queueOptions, { connection }),
  ...setting('worker', 'queues concurrency limiter lockDuration stalledInterval maxStalledCount', (worker) =>
    queueOptions({ connection, worker }),
  ),
  ['a connection beside an option that is wrong', (it) => queueOptions({ connection: it, maxSize: 0 })],
];

/** Passwords as generators make them. A single word without digits or signs looks like a name. */
const password = fc.stringMatching(/^[A-Za-z]{3}[0-9]{3}[A-Za-z0-9/?#@:!%&+=;]{4}[0-9]{3}[A-Za-z]{3}$/);

const formsOf = (secret: string): readonly unknown[] => [
  secret,
  `valkey://ada:${secret}@db:6379`,
  `redis://:${secret}@db`,
  ` postgres://ada:${secret}@db/app`,
  `pglite://ada:${secret}@db/app`,
  `mysql://db/app?sslpassword=${secret}&token=${secret}`,
  `ada:${secret}@db:6379`,
  `host=db password=${secret} user=ada`,
  { password: secret, username: 'ada', url: `redis://:${secret}@db` },
  [secret, { password: secret }],
  Symbol(secret),
  new Map([[secret, secret]]),
  Buffer.from(secret),
  new URL(`https://ada:${encodeURIComponent(secret)}@db/`),
  () => secret,
];

test('no error about an option shows a secret, in any place', () => {
  let errors = 0;
  fc.assert(
    fc.property(password, (secret) => {
      for (const [name, act] of places) {
        for (const form of formsOf(secret)) {
          try {
            act(form as never);
          } catch (error) {
            errors++;
            const text = shown(error);
            // Of a URL that is read wrongly, an error may show a part.
            const isShown = [secret.slice(0, 6), secret.slice(-6)].some((part) => text.includes(part));
            if (isShown || !(error instanceof BackgroundTasksError)) {
              expect.fail(`${name}: ${text}`);
            }
          }
        }
      }
    }),
    { numRuns: 3 },
  );
  expect(errors).toBeGreaterThan(1_500);
});

test('a wrong word or number is shown, since it tells the mistake', () => {
  const set = (options: object) => () => BackgroundTasksModule.forRoot(options);
  expect(set({ onFailure: 'explode' })).toThrow(/got 'explode'\.$/);
  expect(set({ concurrency: -1 })).toThrow(/got -1\.$/);
  expect(set({ execution: '' })).toThrow(/got ''\.$/);
  expect(set({ execution: 'a b1' })).toThrow(/got a string of 4 characters\.$/);
  expect(() => resolveBullMqOptions({ connection: 'valkey://ada:pw@db' })).toThrow(
    /got a string that begins with 'valkey:\/\/'\.$/,
  );
});

test.each(['redis://ada:12/34@db', 'postgres://s3cr3t/x@db/app', 'redis://:12#34@db', 'postgres://ada:12?34@db'])(
  'a password that is not encoded would become a host, so the URL is refused: %s',
  (url) => {
    expect(() => resolveBullMqOptions({ connection: url })).toThrow(InvalidOptionError);
    expect(() => resolveBullMqOptions({ connection: url })).toThrow(/encodeURIComponent/);
  },
);

test.each(['redis://ada:p%40ss@db:6379/0', 'postgres://db/app?user=ada@server', 'redis://ada:p@ss@db', 'pglite:./a@b'])(
  'other URLs are taken: %s',
  (url) => {
    expect(resolveBullMqOptions({ connection: url }).connection).toBe(url);
  },
);

test.each([
  ['connect to redis://ada:s3cr3t@db:6379 failed', 'connect to redis://***@db:6379 failed'],
  ['redis://ada:s3/cr3t@db', 'redis://***@db'],
  ['amqp://ada:s3?cr3t#x@mq/v', 'amqp://***@mq/v'],
  ['GET https://ada:s3cr3t@api/x', 'GET https://***@api/x'],
  ['GET https://api/users/a@b.c?token=s3cr3t&n=1: 404', 'GET https://api/users/a@b.c?token=***&n=*** 404'],
  ['https://api/cb#access_token=s3cr3t', 'https://api/cb#access_token=***'],
  ['https://api/x?s3cr3t', 'https://api/x?***'],
  ['{"password":"s3cr3t","user":"ada"}', '{"password":\'***\',"user":"ada"}'],
  ["{ apiKey: 's3cr3t' }", "{ apiKey: '***' }"],
  ['host=db password=s3cr3t user=ada', 'host=db password=*** user=ada'],
  ['Authorization: Bearer s3cr3t.abc', 'Authorization: Bearer ***'],
  [
    "ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 's3cr3t'",
    "ERR unknown command 'HELLO', with args beginning with: ***",
  ],
])('%s', (text, masked) => {
  expect(withoutSecrets(text)).toBe(masked);
});

test.each([
  'Basic authentication failed, token: expected one',
  'at file:///srv/app/x.js?t=1:2:3',
  'password authentication failed for user "ada"',
  'http://localhost:3000/users/a@b.c was not found',
])('prose and stacks stay as they are: %s', (text) => {
  expect(withoutSecrets(text)).toBe(text);
});

const SECRET = 's3cr3t-4711';

/** Errors as libraries throw them. */
const thrown: [name: string, make: () => unknown][] = [
  ['a URL in the message', () => new Error(`connect to redis://ada:${SECRET}@db failed`)],
  ['a token in the cause', () => new Error('x', { cause: new Error(`GET https://api?token=${SECRET}: 401`) })],
  [
    'the request of an HTTP client',
    () => Object.assign(new Error('401'), { config: { headers: { Authorization: `Bearer ${SECRET}` } } }),
  ],
  ['a row of Postgres', () => Object.assign(new Error('duplicate key'), { detail: `Key (pin)=(${SECRET}) exists.` })],
  ['a command of Redis', () => Object.assign(new Error('ERR'), { command: { name: 'AUTH', args: [SECRET] } })],
  ['a text', () => `password=${SECRET}`],
  ['an object', () => ({ password: SECRET })],
];

test.each(thrown)('neither log nor record nor event of a task shows %s', async (_name, make) => {
  const { app, runner, log } = await startApp({});
  const events: unknown[] = [];
  runner.events.subscribe(({ type, task }: TaskEvent) => events.push([type, JSON.stringify(task)]));
  const fails = (_argument: string) => {
    throw make();
  };
  const task = runner.with({ attempts: 2, retryIf: () => true }).start(fails, SECRET);
  const record = await task.settled();
  expect(record).toMatchObject({ status: 'failed', attempts: 2 });
  const texts = [record, await app.get(TaskRegistry).list(), events, log.entries].map(shown);
  expect(texts.join('\n')).not.toContain(SECRET);
  expect(log.said('error')).toHaveLength(1);
});

test('an argument or result that can’t be cloned or serialized is not shown', async () => {
  const { runner, log } = await startApp({});
  const hostile: unknown[] = [
    function leak() {
      return 's3cr3t-4711';
    },
    Symbol(SECRET),
    { deep: [() => SECRET, Symbol(SECRET)] },
    {
      get password() {
        throw new Error(`can't read ${SECRET}`);
      },
    },
    Promise.resolve(SECRET),
    new WeakMap([[{}, SECRET]]),
    {
      toJSON() {
        throw new TypeError(`no JSON of ${SECRET}`);
      },
    },
  ];
  const errors: unknown[] = [];
  for (const value of hostile) {
    for (const act of [
      () => runner.start(identity, value),
      () => encodeArguments('task', [value], 1_000),
      () => (runner as { start(...args: unknown[]): unknown }).start(value, SECRET),
      () => errors.push(encodeResult('task', value, 1_000)),
    ]) {
      try {
        act();
      } catch (error) {
        errors.push(error);
      }
    }
  }
  const task = runner.start(returnsFunction);
  await task.settled();
  errors.push(task.error, log.entries);
  expect(errors.length).toBeGreaterThan(2 * hostile.length);
  for (const error of errors) {
    expect(shown(error)).not.toContain(SECRET);
    expect(shown(error)).not.toMatch(/=>|function \w*\(/);
  }
});

test('the cause of an error keeps what tells the reason, and no more', () => {
  const reply = Object.assign(new TypeError('ERR x', { cause: thrown[4]![1]() }), {
    code: 'ECODE',
    command: { args: [SECRET] },
    previousErrors: [thrown[4]![1]()],
  });
  const copy = withoutDetails(reply) as Error;
  expect(shown(copy)).not.toContain(SECRET);
  expect(copy).toMatchObject({ name: 'TypeError', message: 'ERR x', code: 'ECODE', stack: reply.stack });
  expect(copy.cause).toMatchObject({ message: 'ERR' });
});

test('an error that is its own cause is copied with few of them', () => {
  const first = new Error('first');
  const second = new Error('second', { cause: first });
  first.cause = second;
  let copy: unknown = withoutDetails(second);
  const messages: string[] = [];
  for (; copy instanceof Error; copy = copy.cause) {
    messages.push(copy.message);
  }
  expect(messages).toEqual(['second', 'first', 'second', 'first', 'second', 'first']);
});

@Injectable()
class Shown {
  @Task({ queue: 'memory' })
  look(_password: string) {}
}

test('what a task and a flow are given to hold shows no argument', async () => {
  const { runner } = await startApp({});
  const seen: unknown[] = [];
  const look = (_password: string) => void seen.push(shown(currentTask()), JSON.stringify(currentTask()));
  const task = runner.start(look, SECRET);
  await task.settled();
  const fields = { id: task.id, name: 'look', attempt: 1 };
  expect(seen).toEqual([shown(fields), JSON.stringify(fields)]);
  const inThread = runner.start(showCurrentTask, SECRET);
  expect(await inThread.settled()).toMatchObject({ result: { id: inThread.id, name: 'showCurrentTask', attempt: 1 } });
  const aStep = () => step(new Shown(), 'look', SECRET);
  for (const flow of [aStep(), chain(aStep(), aStep()), group([aStep()], aStep())]) {
    // A getter returns the call: the package itself reads it, also of another copy of it.
    expect(inspect(flow, { ...everything, getters: false })).not.toContain(SECRET);
    expect(JSON.stringify(flow)).not.toContain(SECRET);
  }
});

test.each([
  ['dots', 'a.'],
  ['dashes', 'a-'],
  ['signs of plus', 'a+'],
  ['names of secrets', 'password '],
  ['schemes', 'a://'],
  ['queries', '?a=b'],
  ['headers', 'Bearer '],
  ['spaces', ' '],
  ['frames', '\n    at x'],
])('a long text of %s takes no time: a client can choose a part of a message', (_name, part) => {
  // With a search of the rest from each place, each of these took minutes.
  const text = `password${part.repeat(200_000)}.`;
  expect(withoutSecrets(text).length).toBeGreaterThan(0);
  const error = Object.assign(new Error('no'), { stack: text });
  expect(withoutMessage(error)).toMatchObject({ stack: expect.not.stringContaining('password') as string });
});

@Injectable()
class Work {
  @Task({ queue: 'secret' })
  run(_password: string) {}
}

describe.each(stores)('on $name', ({ name, connection: url }) => {
  const withPassword = () => {
    // Both servers of the tests take any password of a user who needs none.
    const parsed = new URL(url);
    parsed.password = name === 'Redis' ? '' : SECRET;
    return parsed.href;
  };

  test('what an application can inspect shows no password', async () => {
    const store = { get: () => undefined, set: () => true, password: SECRET };
    const started = await startApp(
      {
        imports: [BullMqTasksModule.forRoot({ connection: withPassword(), prefix: ownPrefix() })],
        providers: [Work],
      },
      { store: store as never, pool: { env: { TOKEN: SECRET } } },
    );
    await started.runner.start(started.app.get(Work), 'run', SECRET).settled();
    const { app, log, runner } = started;
    const options = [BackgroundTasksOptions, BullMqTasksOptions].map((it) => app.get<object>(it, { strict: false }));
    const injected = [runner, app.get(TaskRegistry), app.get(BullMqQueues), await app.resolve(BackgroundTasks)];
    for (const value of [...options, ...injected, log.entries]) {
      // A getter returns BullMQ's own queues, which hold what they were given.
      expect(inspect(value, { ...everything, getters: false })).not.toContain(SECRET);
    }
  });
});
