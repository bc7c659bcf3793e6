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

/** The options of the pool of worker threads, with their defaults. */
export class PoolOptions {
  /**
   * How many threads stay alive without a task. A whole number from 0 to `maxThreads`. No thread starts before the first task
   * for a thread.
   *
   * @default 0
   */
  minThreads = 0;

  /**
   * How many threads are alive at most. Each runs one task at a time. A whole number, 1 or more.
   *
   * @default the number of processors less one, and at least 1
   */
  maxThreads: number = Math.max(1, availableParallelism() - 1);

  /**
   * How long a thread without a task stays alive, in ms, if there are more than `minThreads`: from 0 to 2,147,483,647.
   * `Infinity` keeps it until the application closes.
   *
   * @default 30_000
   */
  idleTimeout = 30_000;

  /**
   * How many tasks can wait for a thread. `addTask` throws `TooManyTasksError` while `maxThreads + maxQueue` tasks for threads
   * are not settled. A whole number, 0 or more, or `Infinity`.
   *
   * @default 10_000
   */
  maxQueue = 10_000;

  /**
   * How much memory a thread can use, in MB, as in `new Worker()`. Each number is more than 0.
   *
   * @default the limits of Node
   */
  resourceLimits?: ResourceLimits;

  /**
   * The command-line options of Node for threads, as in `new Worker()`.
   *
   * @default those of the process
   */
  execArgv?: string[];

  /**
   * The environment variables of threads, as in `new Worker()`.
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
