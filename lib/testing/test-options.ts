import { InvalidOptionError } from '../errors/task.errors.ts';
import { describe } from '../util/inspect.ts';
import {
  aFunction,
  anObject,
  checkOptions,
  oneOf,
  type OptionRule,
  type OptionRules,
  timeLimit,
} from '../validation/option-rules.ts';
import type { AddedFilter } from './added-task.ts';
import { isMatcher } from './matching.ts';
import type { TestMode } from './test-control.ts';
import { wrongWaitFor } from './testing.messages.ts';

/**
 * Holds the options of `TestTasksModule`.
 *
 * @since 0.1.0
 */
export interface TestTasksModuleOptions {
  /**
   * Sets when tasks run.
   *
   * @default 'background'
   */
  readonly mode?: TestMode;
}

/**
 * Holds the options of `run`.
 *
 * @since 0.1.0
 */
export interface RunOptions {
  /**
   * Sets what happens to errors of tasks.
   *
   * `throw`: the first error is thrown when all tasks have settled. `collect`: `run` returns all of them.
   *
   * @default 'throw'
   */
  readonly errors?: 'throw' | 'collect';
  /**
   * Sets whether tasks that are added meanwhile run too.
   *
   * @default true
   */
  readonly recursive?: boolean;
  /**
   * Limits how long `run` waits for all tasks to settle, in ms.
   *
   * @default 5_000
   */
  readonly timeout?: number;
}

/**
 * Holds the options of `TestTasks.unit`.
 *
 * @since 0.1.0
 */
export interface UnitTasksOptions {
  /**
   * Gives the objects that tasks name by their class.
   *
   * @default []
   */
  readonly providers?: readonly object[];
}

// A misspelled option must not let a test pass, and plain JavaScript has no types that find it.

const aBoolean: OptionRule = { expected: 'true or false', accepts: (value) => typeof value === 'boolean' };

/** Makes a rule that accepts a matcher too. */
function orMatcher(rule: OptionRule): OptionRule {
  return { expected: `${rule.expected}, or a matcher`, accepts: (value) => isMatcher(value) || rule.accepts(value) };
}

const aString: OptionRule = { expected: 'a string', accepts: (value) => typeof value === 'string' };

const runRules: OptionRules<RunOptions> = {
  errors: oneOf('throw', 'collect'),
  recursive: aBoolean,
  timeout: timeLimit,
};

const filterRules: OptionRules<AddedFilter> = {
  name: orMatcher(aString),
  args: orMatcher({ expected: 'a list of arguments', accepts: Array.isArray }),
  queue: orMatcher(aString),
  status: oneOf('pending', 'running', 'completed', 'failed', 'cancelled', 'skipped'),
};

const moduleRules: OptionRules<TestTasksModuleOptions> = { mode: oneOf('background', 'inline', 'manual') };

const unitRules: OptionRules<UnitTasksOptions> = {
  providers: {
    expected: 'a list of objects, such as [new Mailer()]',
    accepts: (value) => Array.isArray(value) && value.every((it) => anObject.accepts(it) && !aFunction.accepts(it)),
  },
};

/** @throws InvalidOptionError */
export const checkRun = (options: RunOptions): RunOptions => checkOptions('run', options, runRules);

/** @throws InvalidOptionError */
export const checkFilter = (where: string, filter: AddedFilter): AddedFilter =>
  checkOptions(where, filter, filterRules);

/** @throws InvalidOptionError */
export const checkModule = (options: TestTasksModuleOptions): TestTasksModuleOptions =>
  checkOptions('TestTasksModule.forRoot', options, moduleRules);

/** @throws InvalidOptionError */
export const checkUnit = (options: UnitTasksOptions): UnitTasksOptions =>
  checkOptions('TestTasks.unit', options, unitRules);

/** @throws InvalidOptionError */
export function checkWaitFor(what: string | AddedFilter, options: { timeout?: number }): AddedFilter {
  checkOptions('waitFor', options, { timeout: timeLimit });
  if (what === '' || (typeof what !== 'string' && !anObject.accepts(what))) {
    throw new InvalidOptionError(wrongWaitFor(describe(what)));
  }
  return typeof what === 'string' ? { name: what } : checkFilter('waitFor', what);
}
