import { inspect } from 'node:util';
import type { AddedTask } from './added-task.ts';
import { describe, describeName } from '../util/inspect.ts';
import { isMatch } from './matching.ts';

/** How many tasks a message lists. */
const MAX_LISTED = 10;

const shown = (value: unknown) =>
  inspect(value, { depth: 4, maxStringLength: 200, maxArrayLength: 20, breakLength: Infinity, compact: true });

const callOf = (name: string, args: readonly unknown[]) => `${name}(${args.map(shown).join(', ')})`;

/** One line: name, arguments, options and status, and what differs from the expected call. */
function lineOf({ name, args, options, queue, status }: AddedTask, expected?: Expected): string {
  const { runOn: _runOn, onFailure: _onFailure, execution: _execution, ...others } = options;
  const notes = [
    ...(queue === undefined ? [] : [`queue '${queue}'`]),
    ...(Object.keys(others).length > 0 ? [shown(others)] : []),
    ...(status === 'pending' ? [] : [status]),
    ...(expected ? differencesOf(expected, name, args) : []),
  ];
  return `  ${callOf(name, args)}${notes.length > 0 ? ` – ${notes.join(', ')}` : ''}`;
}

interface Expected {
  readonly name: string;
  readonly args: readonly unknown[];
}

function differencesOf(expected: Expected, name: string, args: readonly unknown[]): string[] {
  if (expected.name !== name) {
    return [];
  }
  if (expected.args.length !== args.length) {
    return [`${args.length} instead of ${expected.args.length} arguments`];
  }
  const differing = args.flatMap((arg, i) => (isMatch(expected.args[i], arg) ? [] : [i + 1]));
  return [`argument ${differing.join(' and ')} differs`];
}

/** The nearest first: the same name and many equal arguments, then a similar name. */
function byNearness(expected: Expected): (a: AddedTask, b: AddedTask) => number {
  const nearness = ({ name, args }: AddedTask) => {
    const equal = args.filter((arg, i) => i < expected.args.length && isMatch(expected.args[i], arg)).length;
    const isSameCount = args.length === expected.args.length ? 1 : 0;
    return similarity(expected.name, name) * 100 + equal * 2 + isSameCount;
  };
  return (a, b) => nearness(b) - nearness(a);
}

const pairsIn = (text: string) => Array.from({ length: Math.max(0, text.length - 1) }, (_, i) => text.slice(i, i + 2));

/** From 0 to 1: how many pairs of letters two names share. */
function similarity(one: string, other: string): number {
  const [a, b] = [pairsIn(one.toLowerCase()), pairsIn(other.toLowerCase())];
  const left = [...b];
  const shared = a.filter((pair) => {
    const at = left.indexOf(pair);
    return at >= 0 && left.splice(at, 1).length > 0;
  });
  return a.length + b.length === 0 ? Number(one === other) : (2 * shared.length) / (a.length + b.length);
}

function listOf(tasks: readonly AddedTask[], expected?: Expected): string {
  const lines = tasks.slice(0, MAX_LISTED).map((task) => lineOf(task, expected));
  const more = tasks.length - lines.length;
  return [...lines, ...(more > 0 ? [`  and ${more} more`] : [])].join('\n');
}

const count = (tasks: readonly unknown[]) => `${tasks.length} task${tasks.length === 1 ? '' : 's'}`;

export function notAdded(name: string, args: readonly unknown[], all: readonly AddedTask[]): string {
  const expected = { name, args };
  const came =
    all.length === 0
      ? 'none was added'
      : `got ${count(all)}, the nearest first:\n${listOf(all.toSorted(byNearness(expected)), expected)}`;
  return `expectAdded: expected a task ${callOf(name, args)}, ${came}`;
}

export const addedTooOften = (name: string, args: readonly unknown[], found: readonly AddedTask[]) =>
  `expectAdded: expected one task ${callOf(name, args)}, got ${found.length}:\n${listOf(found)}\nCount them with added().`;

export const someAdded = (found: readonly AddedTask[]) =>
  `expectNone: expected no task, got ${count(found)}:\n${listOf(found)}`;

export const notSettled = (call: string, timeout: number, pending: readonly AddedTask[]) =>
  `${call}: expected all tasks to settle within ${timeout} ms, got ${count(pending)} that did not:\n${listOf(pending)}\n` +
  'Raise the timeout, or look at what they wait for.';

export const neverSettled = (what: string, timeout: number, all: readonly AddedTask[], isManual: boolean) =>
  `waitFor(${what}): expected the task to settle within ${timeout} ms, got ${
    all.length === 0 ? 'no such task' : `${count(all)} that did not settle`
  }${all.length === 0 ? '.' : `:\n${listOf(all)}`}${isManual ? '\nCall run(): in the mode manual, nothing else starts tasks.' : ''}`;

export const notARepeatingTask = (came: unknown, names: readonly string[]) =>
  `runScheduled: expected the name of a task with the option 'repeat', got ${
    typeof came === 'string' ? describeName(came) : describe(came)
  }. ` +
  (names.length > 0 ? `There are ${names.join(', ')}.` : 'There is none: is the module that provides it imported?');

export const coreNotImported = () =>
  'TestTasksModule: expected BackgroundTasksModule in the same application, got none. ' +
  "Import BackgroundTasksModule.forRoot() from 'nestjs-background-tasks', or the module that imports it, beside it.";

export const kitImportedTwice = () =>
  'TestTasksModule: expected it once in an application, got it twice. Import it only in the testing module.';

export const wrongWaitFor = (came: string) =>
  `waitFor: expected the name of a task, or a filter like { name: 'Mailer.sendWelcome' }, got ${came}.`;

export const notGiven = (className: string) =>
  `TestTasks.unit: expected an object of the class ${className}, which a task names, got none. ` +
  `Give it: TestTasks.unit({ providers: [new ${className}()] }).`;
