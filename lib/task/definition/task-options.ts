import { InvalidOptionError } from '../../errors/task.errors.ts';
import {
  aFunction,
  checkOptions,
  integerFrom,
  MAX_TIMER,
  nonEmptyString,
  objectLike,
  oneOf,
  type OptionRule,
  type OptionRules,
  queueDelay,
  timeLimit,
} from '../../validation/option-rules.ts';
import { longerThanTimer } from '../task.messages.ts';
import { type Backoff, backoffRules } from './backoff.ts';
import { checkRepeat, type Repeat, repeatRule } from './repeat.ts';

/**
 * Names the responses after which a task runs.
 *
 * `success`: a status below 400. `failure`: any other. `always`: every response.
 *
 * @since 0.1.0
 */
export type RunOn = 'success' | 'failure' | 'always';

/**
 * Names what happens to the tasks after a task that fails.
 *
 * `stop`: they are skipped. `continue`: they run.
 *
 * @since 0.1.0
 */
export type OnFailure = 'stop' | 'continue';

/**
 * Names how a task runs beside the other tasks of its request.
 *
 * `sequential`: in their order. `parallel`: it waits for none, and none waits for it.
 *
 * @since 0.1.0
 */
export type Execution = 'sequential' | 'parallel';

/**
 * Describes the options of a task.
 *
 * `with` sets them for a call, `defineTask` and `@Task` for a task, and the module's `defaults` for every task. A call
 * overrides a task, and a task overrides the defaults. Options that BullMQ has too have the same names as there.
 *
 * @since 0.1.0
 */
export interface TaskOptions {
  /**
   * Names the task in logs, records and events. Not empty.
   *
   * @default the name of the function, or `Class.method`
   */
  name?: string;

  /**
   * Sets after which responses the task runs. Outside of a request it always runs.
   *
   * @default the module's `runOn`
   */
  runOn?: RunOn;

  /**
   * Sets what happens to the tasks after this one if it fails.
   *
   * @default the module's `onFailure`
   */
  onFailure?: OnFailure;

  /**
   * Sets whether the task keeps the order of its request.
   *
   * - `sequential`: it waits for the tasks before it, and those after it wait for it.
   * - `parallel`: it waits for none, and none waits for it. No failure skips it, and its own failure skips none.
   *
   * A queue ignores it: durable tasks never wait for each other there.
   *
   * @default the module's `execution`
   */
  execution?: Execution;

  /**
   * Limits the number of attempts, the first included: 1 or more.
   *
   * Between attempts, the task keeps its place in the order.
   *
   * @default 1
   */
  attempts?: number;

  /**
   * Sets how long to wait between attempts.
   *
   * @default none: the next attempt follows at once
   */
  backoff?: Backoff;

  /**
   * Decides whether to try again. It is called after each attempt that fails, except the last.
   *
   * @param attempt the number of the attempt that failed: 1 for the first
   * @default every error is tried again
   */
  retryIf?: (error: unknown, attempt: number) => boolean | Promise<boolean>;

  /**
   * Limits how long an attempt may take, in ms: more than 0, at most 2,147,483,647.
   *
   * The time counts from when its function begins. When the time is over, its signal aborts, and the attempt fails with a
   * `TaskTimeoutError`. A thread is killed. On the event loop, a function that ignores its signal goes on, but its
   * result is dropped.
   *
   * @default none: no limit
   */
  timeout?: number;

  /**
   * Sets how long the task waits after it was added before it may start, in ms.
   *
   * From 0 to 2,147,483,647 (24.8 days), or with a `queue` to 10 years. Meanwhile the task keeps its place in the order
   * of its request.
   *
   * @default 0
   */
  delay?: number;

  /**
   * Sets the priority in a queue, from 1 to 2,097,152: 1 runs before 2.
   *
   * Tasks without a priority run first. Tasks without a queue ignore it.
   *
   * @default none
   */
  priority?: number;

  /**
   * Joins tasks with the same id: until the first has settled, adding another returns its handle.
   *
   * The id counts in the whole application. A durable task joins the one in its queue, in any process: its handle gets
   * the id of that task. `defaults` can't have this option.
   *
   * @default none
   */
  deduplication?: { id: string };
}

/** No options. `===` tells it from options that a caller gave. */
export const NO_OPTIONS: TaskOptions = Object.freeze({});

/**
 * Describes the options of `@Task` and `defineTask`: those of all tasks, and of durable tasks.
 *
 * @since 0.1.0
 */
export interface StoredTaskOptions extends TaskOptions {
  /**
   * Makes the task durable: names its queue. A name without a colon.
   *
   * The task is in the queue before the response is released, and any process that imports the module for queues can
   * run it.
   *
   * @default none: the task runs in this process, and is lost if the process ends
   */
  queue?: string;

  /**
   * Repeats the task by itself, without arguments, once for all processes.
   *
   * It needs a `queue`. To stop it, remove the option.
   *
   * @default never
   */
  repeat?: Repeat;
}

export const runOnRule = oneOf('success', 'failure', 'always');
export const onFailureRule = oneOf('stop', 'continue');
export const executionRule = oneOf('sequential', 'parallel');

const rules: OptionRules<TaskOptions> = {
  name: nonEmptyString,
  runOn: runOnRule,
  onFailure: onFailureRule,
  execution: executionRule,
  attempts: integerFrom(1),
  backoff: objectLike("{ type: 'exponential', delay: 1_000, jitter: 0.5 }"),
  retryIf: aFunction,
  timeout: timeLimit,
  delay: queueDelay,
  priority: integerFrom(1, 2_097_152),
  deduplication: objectLike("{ id: 'reindex' }"),
};

const deduplicationRules: OptionRules<NonNullable<TaskOptions['deduplication']>> = { id: nonEmptyString };

/** `defaults` can't have the options that make sense for one task only. */
const { name: _name, deduplication: _deduplication, ...defaultRules } = rules;

/**
 * @param where the call, as the user writes it: `with`
 * @throws InvalidOptionError
 */
export function checkTaskOptions(where: string, options: TaskOptions): TaskOptions {
  return checkNested(where, checkOptions(where, options, rules));
}

/** @throws InvalidOptionError */
export function checkDefaults(where: string, options: TaskOptions): TaskOptions {
  return checkNested(where, checkOptions(where, options, defaultRules as OptionRules<TaskOptions>));
}

/**
 * Checks what only a queue can wait for. `addTask` and `start` call it for tasks without a queue.
 *
 * @throws InvalidOptionError if a delay is longer than a timer of this process can wait
 */
export function assertWithinTimer(name: string, { delay, backoff }: TaskOptions): void {
  if (delay !== undefined && delay > MAX_TIMER) {
    throw new InvalidOptionError(longerThanTimer(name, 'delay', delay));
  }
  if (backoff !== undefined && backoff.delay > MAX_TIMER) {
    throw new InvalidOptionError(longerThanTimer(name, 'backoff.delay', backoff.delay));
  }
}

const queueRule: OptionRule = {
  expected: "the name of a queue, such as 'mail', without a colon",
  accepts: (value) => nonEmptyString.accepts(value) && !/[:\0]/.test(value as string),
};

type WhereStored = Pick<StoredTaskOptions, 'queue' | 'repeat'>;

const storedRules: OptionRules<WhereStored> = { queue: queueRule, repeat: repeatRule };

/** @throws InvalidOptionError */
export function checkWhereStored(where: string, options: WhereStored): WhereStored {
  const { queue, repeat } = checkOptions(where, options, storedRules);
  return { queue, repeat: checkRepeat(where, repeat, queue) };
}

/** Copies nested options, so that the caller can't change them later. */
function checkNested(where: string, options: TaskOptions): TaskOptions {
  const { backoff, deduplication } = options;
  return {
    ...options,
    ...(backoff && { backoff: checkOptions(`${where}: backoff`, backoff, backoffRules, ['type', 'delay']) }),
    ...(deduplication && {
      deduplication: checkOptions(`${where}: deduplication`, deduplication, deduplicationRules, ['id']),
    }),
  };
}
