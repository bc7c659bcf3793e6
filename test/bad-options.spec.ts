import { Test } from '@nestjs/testing';
import { expect, test } from 'vitest';
import { BackgroundTasksModule, InvalidOptionError } from 'nestjs-background-tasks';
import { optionsNotAnObject, unknownOption, wrongOption } from '../lib/messages.ts';
import { startApp } from './fixtures/start-app.ts';

const options = ['execution', 'onFailure', 'runOn', 'blockingThreshold'];
const taskOptions = ['name', 'runOn', 'onFailure'];
const forRoot = 'BackgroundTasksModule.forRoot';

const bad: [given: unknown, message: string][] = [
  [{ onFailure: 'explode' }, wrongOption(forRoot, 'onFailure', "'explode'", "one of 'stop', 'continue'")],
  [{ execution: 5 }, wrongOption(forRoot, 'execution', '5', "one of 'sequential', 'parallel'")],
  [{ runOn: null }, wrongOption(forRoot, 'runOn', 'null', "one of 'success', 'failure', 'always'")],
  ...[-1, NaN, Infinity, '50', null].map((value): [unknown, string] => [
    { blockingThreshold: value },
    wrongOption(
      forRoot,
      'blockingThreshold',
      typeof value === 'string' ? `'${value}'` : String(value),
      'a number of milliseconds, 0 or more',
    ),
  ]),
  [{ onFailur: 'stop' }, unknownOption(forRoot, 'onFailur', options)],
  [{ toString: 'stop' }, unknownOption(forRoot, 'toString', options)],
  ['stop', optionsNotAnObject(forRoot, "'stop'")],
  [null, optionsNotAnObject(forRoot, 'null')],
];

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
  [{ runOn: 'never' }, wrongOption('with', 'runOn', "'never'", "one of 'success', 'failure', 'always'")],
  [{ onFailure: true }, wrongOption('with', 'onFailure', 'true', "one of 'stop', 'continue'")],
  [{ name: '' }, wrongOption('with', 'name', "''", 'a string that is not empty')],
  [{ attempt: 3 }, unknownOption('with', 'attempt', taskOptions)],
  [undefined, optionsNotAnObject('with', 'undefined')],
])('with(%o)', async (given, message) => {
  const { runner } = await startApp({});
  expect(() => runner.with(given as never)).toThrow(new InvalidOptionError(message));
});

test('what is undefined counts as left out', async () => {
  const { runner } = await startApp({}, { onFailure: undefined, blockingThreshold: undefined });
  expect(
    await runner
      .with({ name: undefined })
      .start(function named() {})
      .settled(),
  ).toMatchObject({ name: 'named' });
});

test('a message says what came, what was expected and the way out', () => {
  expect(bad.slice(0, 1).map(([, message]) => message)).toMatchInlineSnapshot(`
    [
      "BackgroundTasksModule.forRoot({ onFailure }): expected one of 'stop', 'continue'; got 'explode'.",
    ]
  `);
  expect(unknownOption(forRoot, 'onFailur', options)).toMatchInlineSnapshot(
    `"BackgroundTasksModule.forRoot({ onFailur }): there is no option 'onFailur'. The options are: execution, onFailure, runOn, blockingThreshold."`,
  );
});
