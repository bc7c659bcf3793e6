import { availableParallelism } from 'node:os';
import type { ResourceLimits } from 'node:worker_threads';
import {
  delayTime,
  either,
  integerFrom,
  listOfStrings,
  type OptionRules,
  anObject,
  positiveNumber,
} from '../validation/option-rules.ts';

/** Holds the options of the pool of worker threads, with their defaults. */
export class PoolOptions {
  /**
   * Sets how many threads stay alive without a task: a whole number from 0 to `maxThreads`.
   *
   * No thread starts before the first task for a thread.
   *
   * @default 0
   */
  minThreads = 0;

  /**
   * Limits how many threads are alive: a whole number, 1 or more.
   *
   * Each runs one task at a time.
   *
   * @default the number of processors less one, and at least 1
   */
  maxThreads: number = Math.max(1, availableParallelism() - 1);

  /**
   * Sets how long a thread without a task stays alive, in ms: from 0 to 2,147,483,647.
   *
   * This applies if there are more than `minThreads`. `Infinity` keeps it until the application closes.
   *
   * @default 30_000
   */
  idleTimeout = 30_000;

  /**
   * Limits how many tasks can wait for a thread: a whole number, 0 or more, or `Infinity`.
   *
   * `addTask` throws `TooManyTasksError` while `maxThreads + maxQueue` tasks for threads are not settled.
   *
   * @default 10_000
   */
  maxQueue = 10_000;

  /**
   * Limits the memory of a thread, in MB, as in `new Worker()`. Each number is more than 0.
   *
   * @default the limits of Node
   */
  resourceLimits?: ResourceLimits;

  /**
   * Sets the command-line options of Node for threads, as in `new Worker()`.
   *
   * @default those of the process
   */
  execArgv?: string[];

  /**
   * Sets the environment variables of threads, as in `new Worker()`.
   *
   * @default a copy of those of the process
   */
  env?: NodeJS.ProcessEnv;
}

export const poolRules: OptionRules<PoolOptions> = {
  minThreads: integerFrom(0),
  maxThreads: integerFrom(1),
  idleTimeout: either(delayTime, Infinity),
  maxQueue: either(integerFrom(0), Infinity),
  resourceLimits: anObject,
  execArgv: listOfStrings,
  env: anObject,
};

export const limitRules: OptionRules<ResourceLimits> = {
  maxYoungGenerationSizeMb: positiveNumber,
  maxOldGenerationSizeMb: positiveNumber,
  codeRangeSizeMb: positiveNumber,
  stackSizeMb: positiveNumber,
};
