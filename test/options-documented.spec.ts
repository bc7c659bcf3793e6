import { readFileSync } from 'node:fs';
import { Scope } from '@nestjs/common';
import { expect, test } from 'vitest';
import { BullMqTasksOptions, BullMqWorkerOptions, resolveBullMqOptions } from '../lib/bullmq/bullmq-tasks.options.ts';
import { DashboardRouting, DashboardSettings, resolveDashboardOptions } from '../lib/dashboard/dashboard.options.ts';
import { BackgroundTasksOptions, resolveOptions } from '../lib/options/background-tasks.options.ts';
import { BackgroundTasksExtras } from '../lib/options/scope.ts';
import { ObserveOptions } from '../lib/observe/observe.options.ts';
import { HistoryOptions } from '../lib/records/history.options.ts';
import type { DefineTaskOptions } from '../lib/task/definition/define-task.ts';
import { checkTaskOptions, type TaskOptions } from '../lib/task/definition/task-options.ts';
import { PoolOptions } from '../lib/threads/pool.options.ts';

interface Row {
  readonly name: string;
  /** The second cell: code for a default that the class has, words or nothing for any other. */
  readonly defaultCell: string;
  readonly text: string;
}

/** The rows of the first table after a heading whose first column has this title. */
function tableIn(file: string, heading: string, title = 'option'): Row[] {
  const markdown = readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');
  const lines = markdown.slice(markdown.indexOf(`\n${heading}\n`)).split('\n');
  const cellsOf = (line: string) => line.split(/(?<!\\)\|/).map((cell) => cell.trim());
  const start = lines.findIndex((line) => line.startsWith('|') && cellsOf(line)[1] === title);
  const rows: Row[] = [];
  for (const line of lines.slice(start + 2)) {
    if (!line.startsWith('|')) {
      break;
    }
    const [, name = '', defaultCell = '', text = ''] = cellsOf(line);
    rows.push({ name: name.replaceAll('`', ''), defaultCell, text });
  }
  return rows;
}

/** The options that a check knows: its message about an unknown one lists them. */
function knownOptions(check: (options: object) => unknown, base: object = {}): string[] {
  try {
    check({ ...base, unknownOption: true });
  } catch (error) {
    const [, names] = /one of the options \((.*?)\)/.exec((error as Error).message) ?? [];
    return names!.split(', ');
  }
  return expect.fail('The check accepted an unknown option.');
}

/** The code of a default, as the tables show it: `10_000`, `'stop'`, `{}`. */
function codeOf(value: unknown): string {
  if (typeof value === 'number') {
    return `\`${String(value).replaceAll(/\B(?=(\d{3})+$)/g, '_')}\``;
  }
  return typeof value === 'string' ? `\`'${value}'\`` : `\`${JSON.stringify(value)}\``;
}

/** The rows must have code for each default of the class, and no code where the class has none. */
function expectDefaults(rows: readonly Row[], defaults: object): void {
  const given = Object.entries(defaults).filter(([, value]) => value !== undefined);
  const documented = rows.filter(({ defaultCell }) => defaultCell.includes('`'));
  expect(Object.fromEntries(documented.map(({ name, defaultCell }) => [name, defaultCell]))).toEqual(
    Object.fromEntries(given.map(([name, value]) => [name, codeOf(value)])),
  );
}

const prefixed = (prefix: string, options: object) =>
  Object.fromEntries(Object.entries(options).map(([name, value]) => [`${prefix}.${name}`, value as unknown]));

const sorted = (names: readonly string[]) => names.toSorted();
const namesOf = (rows: readonly Row[]) => rows.map(({ name }) => name);

const moduleRows = tableIn('docs/options.md', '## Options of the module');
const taskRows = tableIn('docs/options.md', '## Options of a task');
const definitionRows = tableIn(
  'docs/options.md',
  '`@Task` and `defineTask` also take these, and `thread` is for `defineTask` only:',
);
const queueRows = tableIn('docs/queues.md', '## Options');
const dashboardRows = tableIn('docs/dashboard.md', '## Quick start');
const workerRows = tableIn('docs/queues.md', '## Options', 'option of `worker`');

test('docs/options.md documents every option of the module', () => {
  const nested = new Set(['history', 'observe', 'pool']);
  const names = [
    ...knownOptions(resolveOptions).filter((name) => !nested.has(name)),
    ...knownOptions((history) => resolveOptions({ history })).map((name) => `history.${name}`),
    ...knownOptions((observe) => resolveOptions({ observe })).map((name) => `observe.${name}`),
    ...knownOptions((pool) => resolveOptions({ pool })).map((name) => `pool.${name}`),
  ];
  expect(sorted(namesOf(moduleRows))).toEqual(sorted(names));
});

test('docs/options.md documents the defaults of the module', () => {
  const { history: _history, observe: _observe, pool: _pool, ...options } = new BackgroundTasksOptions();
  const { scope } = new BackgroundTasksExtras();
  expect(scope).toBe(Scope.REQUEST);
  // The default depends on the machine, so the table has words.
  const { maxThreads: _maxThreads, ...pool } = new PoolOptions();
  const [scopeRow, ...others] = moduleRows;
  expect(scopeRow).toMatchObject({ name: 'scope', defaultCell: '`Scope.REQUEST`' });
  expectDefaults(others, {
    ...options,
    ...prefixed('history', new HistoryOptions()),
    ...prefixed('observe', new ObserveOptions()),
    ...prefixed('pool', pool),
  });
});

test('docs/options.md documents every option of a task', () => {
  expect(sorted(namesOf(taskRows))).toEqual(sorted(knownOptions((options) => checkTaskOptions('with', options))));
});

test('docs/options.md documents every option that only definitions have', () => {
  // Typed, because no value lists them: the compiler refuses a missing and an unknown name.
  const names: Record<Exclude<keyof DefineTaskOptions, keyof TaskOptions>, true> = {
    queue: true,
    repeat: true,
    thread: true,
  };
  expect(sorted(namesOf(definitionRows))).toEqual(sorted(Object.keys(names)));
});

const connection = 'redis://localhost';

test('docs/queues.md documents every option of BullMqTasksModule and its worker', () => {
  const check = (options: object) => resolveBullMqOptions({ connection, ...options });
  expect(sorted(namesOf(queueRows))).toEqual(sorted(knownOptions(check)));
  expect(sorted(namesOf(workerRows))).toEqual(sorted(knownOptions((worker) => check({ worker }))));
});

test('docs/queues.md documents the defaults of BullMqTasksModule and its worker', () => {
  expectDefaults(queueRows, new BullMqTasksOptions());
  expectDefaults(workerRows, new BullMqWorkerOptions());
});

test('docs/dashboard.md documents every option of the dashboard', () => {
  const known = knownOptions((options) => resolveDashboardOptions({ guards: 'open', ...options }));
  expect(sorted(namesOf(dashboardRows))).toEqual(sorted([...known, 'imports']));
  expectDefaults(dashboardRows, Object.assign({}, new DashboardRouting(), new DashboardSettings()));
});

test.each([...moduleRows, ...dashboardRows, ...taskRows, ...definitionRows, ...queueRows, ...workerRows])(
  'the option $name has a text that ends as a sentence',
  ({ text }) => {
    expect(text).toMatch(/\.$/);
  },
);
