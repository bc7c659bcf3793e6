import { Scope } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { expect, test } from 'vitest';
import { BackgroundTasksModule, InvalidOptionError } from 'nestjs-background-tasks';
import { wrongDrainTimeout } from '../lib/engine/engine.messages.ts';
import { queueDelay } from '../lib/validation/option-rules.ts';
import { describe as describeValue } from '../lib/util/inspect.ts';
import { optionsNotAnObject, unknownOption, wrongOption } from '../lib/validation/validation.messages.ts';
import { startApp } from './fixtures/start-app.ts';
import { taskOptionNames } from './fixtures/task-option-names.ts';

const options = [
  'execution',
  'onFailure',
  'runOn',
  'defaults',
  'concurrency',
  'maxPending',
  'shutdownTimeout',
  'history',
  'store',
  'blockingThreshold',
  'observe',
  'pool',
  'scope',
];
const poolOptions = ['minThreads', 'maxThreads', 'idleTimeout', 'maxQueue', 'resourceLimits', 'execArgv', 'env'];
const backoff = "an object like { type: 'exponential', delay: 1_000, jitter: 0.5 }";
const limit = `a number of milliseconds, more than 0 and at most ${2 ** 31 - 1}`;
const pool = 'BackgroundTasksModule: pool';
const forRoot = 'BackgroundTasksModule';

const bad: [given: unknown, message: string][] = [
  [{ onFailure: 'explode' }, wrongOption(forRoot, 'onFailure', "'explode'", "'stop' or 'continue'")],
  [{ execution: 5 }, wrongOption(forRoot, 'execution', '5', "'sequential' or 'parallel'")],
  [{ runOn: null }, wrongOption(forRoot, 'runOn', 'null', "'success', 'failure' or 'always'")],
  ...[-1, NaN, Infinity, '50', null].map((value): [unknown, string] => [
    { blockingThreshold: value },
    wrongOption(forRoot, 'blockingThreshold', describeValue(value), 'a number of milliseconds, 0 or more'),
  ]),
  [{ onFailur: 'stop' }, unknownOption(forRoot, 'onFailur', options)],
  [{ toString: 'stop' }, unknownOption(forRoot, 'toString', options)],
  [{ concurrency: 0 }, wrongOption(forRoot, 'concurrency', '0', 'a whole number, 1 or more, or Infinity')],
  [
    { store: {} },
    wrongOption(forRoot, 'store', 'an object (Object)', 'a Keyv, or another object with the methods get and set'),
  ],
  [{ maxPending: 0 }, wrongOption(forRoot, 'maxPending', '0', 'a whole number, 1 or more, or Infinity')],
  [
    { shutdownTimeout: Infinity },
    wrongOption(forRoot, 'shutdownTimeout', 'Infinity', 'a number of milliseconds, 0 or more and at most 2147483647'),
  ],
  [{ observe: true }, wrongOption(forRoot, 'observe', 'true', 'an object')],
  [{ observe: { arguments: 1 } }, wrongOption('BackgroundTasksModule: observe', 'arguments', '1', 'true or false')],
  [{ history: 5 }, wrongOption(forRoot, 'history', '5', 'an object')],
  [
    { history: { max: -1 } },
    wrongOption('BackgroundTasksModule: history', 'max', '-1', 'a whole number, 0 or more and at most 1000000'),
  ],
  [
    { history: { ttl: 0 } },
    wrongOption('BackgroundTasksModule: history', 'ttl', '0', 'a whole number, 1 or more, or Infinity'),
  ],
  [
    { defaults: { deduplication: { id: 'all' } } },
    unknownOption('BackgroundTasksModule: defaults', 'deduplication', taskOptionNames.slice(1, -1)),
  ],
  [
    { defaults: { attempts: -1 } },
    wrongOption('BackgroundTasksModule: defaults', 'attempts', '-1', 'a whole number, 1 or more'),
  ],
  [{ pool: 4 }, wrongOption(forRoot, 'pool', '4', 'an object')],
  [{ pool: { threads: 4 } }, unknownOption(pool, 'threads', poolOptions)],
  [{ pool: { maxThreads: 0 } }, wrongOption(pool, 'maxThreads', '0', 'a whole number, 1 or more')],
  [{ pool: { minThreads: 1.5 } }, wrongOption(pool, 'minThreads', '1.5', 'a whole number, 0 or more')],
  [{ pool: { minThreads: 3, maxThreads: 2 } }, wrongOption(pool, 'minThreads', '3', 'no more than maxThreads (2)')],
  [
    { pool: { resourceLimits: { maxOldGenerationSizeMb: '64' } } },
    wrongOption(
      `${pool}.resourceLimits`,
      'maxOldGenerationSizeMb',
      'a string of 2 characters',
      'a number, more than 0',
    ),
  ],
  [{ pool: { maxQueue: -1 } }, wrongOption(pool, 'maxQueue', '-1', 'a whole number, 0 or more, or Infinity')],
  [
    { pool: { idleTimeout: 'x' } },
    wrongOption(pool, 'idleTimeout', "'x'", 'a number of milliseconds, 0 or more and at most 2147483647, or Infinity'),
  ],
  [{ pool: { execArgv: '--x' } }, wrongOption(pool, 'execArgv', "'--x'", 'a list of strings')],
  [{ pool: { env: ['A=1'] } }, wrongOption(pool, 'env', 'an array', 'an object')],
  ['stop', optionsNotAnObject(forRoot, "'stop'")],
  [null, optionsNotAnObject(forRoot, 'null')],
];

test('an unknown scope, or one that comes too late', async () => {
  const message = wrongOption(forRoot, 'scope', '1', 'Scope.REQUEST or Scope.DEFAULT');
  const transient = { scope: Scope.TRANSIENT } as never;
  expect(() => BackgroundTasksModule.forRoot(transient)).toThrow(new InvalidOptionError(message));
  const module = Test.createTestingModule({
    imports: [BackgroundTasksModule.forRootAsync({ useFactory: () => ({ scope: Scope.DEFAULT }) as never })],
  });
  const late = wrongOption(forRoot, 'scope', '0', 'nothing: give it to forRootAsync itself, beside useFactory');
  await expect(module.compile()).rejects.toThrow(new InvalidOptionError(late));
});

test.each(bad)('forRoot(%o)', (given, message) => {
  expect(() => BackgroundTasksModule.forRoot(given as never)).toThrow(new InvalidOptionError(message));
});

test.each(bad)('forRootAsync with %o', async (given, message) => {
  const module = Test.createTestingModule({
    imports: [BackgroundTasksModule.forRootAsync({ useFactory: () => given as never })],
  });
  await expect(module.compile()).rejects.toThrow(message);
});

test.each([
  [{ runOn: 'never' }, wrongOption('with', 'runOn', "'never'", "'success', 'failure' or 'always'")],
  [{ onFailure: true }, wrongOption('with', 'onFailure', 'true', "'stop' or 'continue'")],
  [{ timeout: 0 }, wrongOption('with', 'timeout', '0', limit)],
  [{ timeout: 2 ** 31 }, wrongOption('with', 'timeout', String(2 ** 31), limit)],
  [{ attempts: 0 }, wrongOption('with', 'attempts', '0', 'a whole number, 1 or more')],
  [{ execution: 'both' }, wrongOption('with', 'execution', "'both'", "'sequential' or 'parallel'")],
  [{ attempts: 1.5 }, wrongOption('with', 'attempts', '1.5', 'a whole number, 1 or more')],
  [{ backoff: 1_000 }, wrongOption('with', 'backoff', '1000', backoff)],
  [
    { backoff: { type: 'linear', delay: 1 } },
    wrongOption('with: backoff', 'type', "'linear'", "'fixed' or 'exponential'"),
  ],
  [{ backoff: { type: 'fixed' } }, wrongOption('with: backoff', 'delay', 'nothing', queueDelay.expected)],
  [
    { backoff: { type: 'fixed', delay: 1, jitter: 2 } },
    wrongOption('with: backoff', 'jitter', '2', 'a number from 0 to 1'),
  ],
  [
    { backoff: { type: 'fixed', delay: 1, factor: 2 } },
    unknownOption('with: backoff', 'factor', ['type', 'delay', 'jitter']),
  ],
  [{ retryIf: true }, wrongOption('with', 'retryIf', 'true', 'a function')],
  [{ delay: -1 }, wrongOption('with', 'delay', '-1', queueDelay.expected)],
  [{ deduplication: 'a' }, wrongOption('with', 'deduplication', "'a'", "an object like { id: 'reindex' }")],
  [{ deduplication: { id: '' } }, wrongOption('with: deduplication', 'id', "''", 'a string that is not empty')],
  [{ name: '' }, wrongOption('with', 'name', "''", 'a string that is not empty')],
  [{ attempt: 3 }, unknownOption('with', 'attempt', taskOptionNames)],
  [undefined, optionsNotAnObject('with', 'undefined')],
])('with(%o)', async (given, message) => {
  const { runner } = await startApp({});
  expect(() => runner.with(given as never)).toThrow(new InvalidOptionError(message));
});

test.each([0, -1, NaN, 2 ** 31, Infinity, '100', null])('drain(%o)', async (timeout) => {
  const { runner } = await startApp({});
  const came = describeValue(timeout);
  await expect(runner.drain(timeout as number)).rejects.toThrow(new InvalidOptionError(wrongDrainTimeout(came, limit)));
});

test('an undefined option counts as left out', async () => {
  const { runner } = await startApp({}, { onFailure: undefined, blockingThreshold: undefined });
  expect(
    await runner
      .with({ name: undefined })
      .start(function named() {})
      .settled(),
  ).toMatchObject({ name: 'named' });
});

test('a message says what was expected, what came and what to do', () => {
  expect(bad.slice(0, 1).map(([, message]) => message)).toMatchInlineSnapshot(`
    [
      "BackgroundTasksModule: option 'onFailure': expected 'stop' or 'continue', got 'explode'.",
    ]
  `);
  expect(unknownOption(forRoot, 'onFailur', options)).toMatchInlineSnapshot(
    `"BackgroundTasksModule: expected one of the options (execution, onFailure, runOn, defaults, concurrency, maxPending, shutdownTimeout, history, store, blockingThreshold, observe, pool, scope), got 'onFailur'. Correct its name, or remove it."`,
  );
});
