import {
  aFunction,
  checkOptions,
  delayTime,
  integerFrom,
  nonEmptyString,
  objectLike,
  oneOf,
  type OptionRule,
  type OptionRules,
  timeLimit,
} from '../../validation/option-rules.ts';
import { type Backoff, backoffRules } from './backoff.ts';
import { checkRepeat, type Repeat, repeatRule } from './repeat.ts';

/**
 * After which response a task runs. `success`: one with a status below 400. `failure`: any other. `always`: every one.
 *
 * @since 0.1.0
 */
export type RunOn = 'success' | 'failure' | 'always';

/**
 * What becomes of the tasks behind one that fails. `stop`: they are skipped. `continue`: they run.
 *
 * @since 0.1.0
 */
export type OnFailure = 'stop' | 'continue';

/**
 * What can be said of a single task: by `with(options)` of those that are added through it, by `defineTask` of the one that
 * it defines, by the module's `defaults` of all. The nearest goes first. BullMQ's words.
 *
 * @since 0.1.0
 */
export interface TaskOptions {
  /** How the task is called in logs, records and events. Default: the function's name, or `Class.method`. */
  name?: string;

  /** After which response the task runs. Outside of a request it always runs. Default: the module's `runOn`. */
  runOn?: RunOn;

  /** What becomes of the tasks behind this one if it fails. Default: the module's `onFailure`. */
  onFailure?: OnFailure;

  /** How often the task is tried in all, until it doesn't fail. In between it keeps its place. Default: 1. */
  attempts?: number;

  /** How long to wait between attempts. Default: not at all. */
  backoff?: Backoff;

  /**
   * Whether it is worth another attempt, asked after each that failed but the last. Default: it is.
   *
   * @param attempt which one has failed: 1 for the first
   */
  retryIf?: (error: unknown, attempt: number) => boolean | Promise<boolean>;

  /**
   * How long, in ms, an attempt may take, from when its function begins. Then its signal is aborted and the attempt fails
   * with a `TaskTimeoutError`. In a thread it is killed; on the event loop a function that ignores its signal goes on,
   * unseen. Default: for ever.
   */
  timeout?: number;

  /**
   * How long, in ms, from when it is added until it may start. In a request with other tasks it keeps its place
   * meanwhile. Default: 0.
   */
  delay?: number;

  /**
   * Which goes first of the tasks in a queue: 1 before 2, up to 2_097_152; those without one before all. In the process,
   * tasks keep their order. Default: none.
   */
  priority?: number;

  /**
   * While a task with this id has not come to its end, adding another gives that one. The id is one for the whole
   * application.
   */
  deduplication?: { id: string };
}

/** What is said of a task where nothing is: the same each time, so that it can be told from options. */
export const NO_OPTIONS: TaskOptions = Object.freeze({});

/**
 * What can be said of a task where it is defined, of one that may be stored.
 *
 * @since 0.2.0
 */
export interface StoredTaskOptions extends TaskOptions {
  /**
   * The queue in which the task is stored before the response is released, and from which any process takes it that
   * imports the module of the queues. Default: none, the task runs in this process, and is gone with it.
   */
  queue?: string;

  /**
   * When the task is to run by itself, without arguments: once for all processes, however many there are. It needs a `queue`.
   * A task that doesn't say so any more runs no more. Default: never.
   */
  repeat?: Repeat;
}

export const runOnRule = oneOf('success', 'failure', 'always');
export const onFailureRule = oneOf('stop', 'continue');

const rules: OptionRules<TaskOptions> = {
  name: nonEmptyString,
  runOn: runOnRule,
  onFailure: onFailureRule,
  attempts: integerFrom(1),
  backoff: objectLike("{ type: 'exponential', delay: 1_000, jitter: 0.5 }"),
  retryIf: aFunction,
  timeout: timeLimit,
  delay: delayTime,
  priority: integerFrom(1, 2_097_152),
  deduplication: objectLike("{ id: 'reindex' }"),
};

const deduplicationRules: OptionRules<NonNullable<TaskOptions['deduplication']>> = { id: nonEmptyString };

/** What makes no sense for all tasks alike. */
const { name: _name, deduplication: _deduplication, ...defaultRules } = rules;

/**
 * @param where how the reader would name the call: `with`
 * @throws InvalidOptionError
 */
export function checkTaskOptions(where: string, options: TaskOptions): TaskOptions {
  return checkNested(where, checkOptions(where, options, rules));
}

/** @throws InvalidOptionError */
export function checkDefaults(where: string, options: TaskOptions): TaskOptions {
  return checkNested(where, checkOptions(where, options, defaultRules as OptionRules<TaskOptions>));
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

/** Copies, since what is in them could be changed while a task goes by it. */
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
