import { availableParallelism } from 'node:os';
import type { ResourceLimits } from 'node:worker_threads';
import {
  either,
  integerFrom,
  listOfStrings,
  milliseconds,
  type OptionRules,
  plainObject,
  positiveNumber,
} from '../validation/option-rules.ts';

/** How worker threads are pooled, with the defaults. */
export class PoolOptions {
  /** How many threads are kept when there is nothing to do. None is started before the first task for a thread. */
  minThreads = 0;

  /** How many threads there are at most, each with one task at a time. Default: a processor less than there are, or 1. */
  maxThreads: number = Math.max(1, availableParallelism() - 1);

  /** For how long, in ms, a thread without a task is kept. `Infinity`: for as long as the application. */
  idleTimeout = 30_000;

  /** How many tasks can be waiting for a thread. One more, and `addTask` throws `TooManyTasksError`. */
  maxQueue = 10_000;

  /** What a thread may use of memory, in MB, as for `new Worker()`. Default: Node's. */
  resourceLimits?: ResourceLimits;

  /** Node's own arguments for threads, as for `new Worker()`. Default: those of the process. */
  execArgv?: string[];

  /** The environment of threads, as for `new Worker()`. Default: a copy of that of the process. */
  env?: NodeJS.ProcessEnv;
}

export const poolRules: OptionRules<PoolOptions> = {
  minThreads: integerFrom(0),
  maxThreads: integerFrom(1),
  idleTimeout: either(milliseconds, Infinity),
  maxQueue: either(integerFrom(0), Infinity),
  resourceLimits: plainObject,
  execArgv: listOfStrings,
  env: plainObject,
};

export const limitRules: OptionRules<ResourceLimits> = {
  maxYoungGenerationSizeMb: positiveNumber,
  maxOldGenerationSizeMb: positiveNumber,
  codeRangeSizeMb: positiveNumber,
  stackSizeMb: positiveNumber,
};
