import { availableParallelism } from 'node:os';
import type { ResourceLimits } from 'node:worker_threads';
import { Scope } from '@nestjs/common';
import { InvalidOptionError } from './errors/invalid-option.error.ts';
import { wrongOption } from './messages.ts';
import {
  checkOptions,
  delayTime,
  either,
  integerFrom,
  listOfStrings,
  milliseconds,
  oneOf,
  plainObject,
  positiveNumber,
  type OptionRule,
  type OptionRules,
} from './task/option-rules.ts';
import { describe, read } from './errors/describe.ts';
import type { TaskStore } from './registry/task-store.ts';
import {
  checkDefaults,
  onFailureRule,
  runOnRule,
  type OnFailure,
  type RunOn,
  type TaskOptions,
} from './task/task-options.ts';

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

/** What is kept of tasks that have come to their end, with the defaults. */
export class HistoryOptions {
  /** How many. 0: none. */
  max = 1_000;

  /** For how long, in ms. `Infinity`: until there are too many. */
  ttl = 3_600_000;
}

/** The token of the option `scope`. */
export const TASKS_SCOPE = Symbol('nestjs-background-tasks.scope');

/** What decides how the module is made, and so has to be known before any factory is asked. */
export class BackgroundTasksExtras {
  /**
   * Whether Nest makes `BackgroundTasks` anew for each request, or it is a singleton that finds the request by its async
   * context. `Scope.DEFAULT` is faster, and can be injected into singletons.
   */
  scope?: Scope = Scope.REQUEST;
}

/** Every option of the module, with its default. */
export class BackgroundTasksOptions {
  /**
   * How the tasks of one request go. `sequential`: one after the other, in the order in which they were added.
   * `parallel`: all at once. Requests never wait for each other.
   */
  execution: 'sequential' | 'parallel' = 'sequential';

  /**
   * What becomes of a request's other tasks once one has failed. `stop`: those after it are skipped. `continue`: they
   * run. With `execution: 'parallel'` none is after another, so none is skipped.
   */
  onFailure: OnFailure = 'stop';

  /** After which response tasks run. `success`: one with a status below 400. `failure`: any other. `always`: every one. */
  runOn: RunOn = 'success';

  /** What holds for each task of which nothing else is said, by `with` or `defineTask`. */
  defaults: Omit<TaskOptions, 'name' | 'deduplication'> = {};

  /** How many tasks, of all requests, run at once on the event loop; requests take turns. */
  concurrency = Infinity;

  /**
   * How many tasks can be accepted and not settled. One more, and `addTask` throws `TooManyTasksError`: a 503 for the
   * client.
   */
  maxPending = 100_000;

  /**
   * How long, in ms, an application that is closed waits for its tasks. Then their signals are aborted, threads are killed,
   * and what is left is cancelled, and named in the log.
   */
  shutdownTimeout = 10_000;

  /** What `TaskRegistry` keeps of tasks that have come to their end. */
  history = new HistoryOptions();

  /**
   * Where records are shared with other processes: a Keyv 5, with whatever adapter. It keeps them for `history.ttl`. One
   * that fails or hangs is warned of, and delays no task. Default: none, records stay in this process.
   */
  store?: TaskStore;

  /** For how long, in ms, a task may keep the event loop to itself before it is warned of, once by name. 0: never warn. */
  blockingThreshold = 50;

  /** The worker threads in which tasks run that were defined with `thread`. */
  pool = new PoolOptions();
}

/**
 * What `forRoot` takes: any of the options.
 *
 * @since 0.1.0
 */
export type BackgroundTasksModuleOptions = Partial<
  Omit<BackgroundTasksOptions, 'pool' | 'history'> & { pool: Partial<PoolOptions>; history: Partial<HistoryOptions> }
>;

const scopeRule: OptionRule = {
  expected: 'Scope.REQUEST or Scope.DEFAULT',
  accepts: (value) => value === Scope.REQUEST || value === Scope.DEFAULT,
};

/** For options that come from a factory. */
export const noScopeRule: OptionRule = {
  expected: 'nothing: give it to forRootAsync itself, beside useFactory',
  accepts: () => false,
};

/** @throws InvalidOptionError */
export function checkScope(scope: BackgroundTasksExtras['scope'] = Scope.REQUEST): Scope {
  if (!scopeRule.accepts(scope)) {
    throw new InvalidOptionError(wrongOption('BackgroundTasksModule', 'scope', describe(scope), scopeRule.expected));
  }
  return scope;
}

/**
 * What `forRootAsync({ useClass })` and `({ useExisting })` expect of the class.
 *
 * @since 0.1.0
 */
export interface BackgroundTasksOptionsFactory {
  createBackgroundTasksOptions(): BackgroundTasksModuleOptions | Promise<BackgroundTasksModuleOptions>;
}

const storeRule: OptionRule = {
  expected: 'a Keyv, or another object with the methods get and set',
  accepts: (value) =>
    plainObject.accepts(value) && ['get', 'set'].every((name) => typeof read(value as object, name) === 'function'),
};

const rules: OptionRules<BackgroundTasksOptions> = {
  execution: oneOf('sequential', 'parallel'),
  onFailure: onFailureRule,
  runOn: runOnRule,
  defaults: plainObject,
  concurrency: either(integerFrom(1), Infinity),
  maxPending: either(integerFrom(1), Infinity),
  shutdownTimeout: delayTime,
  history: plainObject,
  store: storeRule,
  blockingThreshold: milliseconds,
  pool: plainObject,
};

const historyRules: OptionRules<HistoryOptions> = {
  // Room for so many is taken at once.
  max: integerFrom(0, 1_000_000),
  ttl: either(integerFrom(1), Infinity),
};

const poolRules: OptionRules<PoolOptions> = {
  minThreads: integerFrom(0),
  maxThreads: integerFrom(1),
  idleTimeout: either(milliseconds, Infinity),
  maxQueue: either(integerFrom(0), Infinity),
  resourceLimits: plainObject,
  execArgv: listOfStrings,
  env: plainObject,
};

const limitRules: OptionRules<ResourceLimits> = {
  maxYoungGenerationSizeMb: positiveNumber,
  maxOldGenerationSizeMb: positiveNumber,
  codeRangeSizeMb: positiveNumber,
  stackSizeMb: positiveNumber,
};

const where = 'BackgroundTasksModule';

/** @throws InvalidOptionError */
export function resolveOptions(
  options: BackgroundTasksModuleOptions & BackgroundTasksExtras,
  scope = scopeRule,
): BackgroundTasksOptions {
  const { scope: _scope, ...given } = checkOptions(where, options, { ...rules, scope });
  const pool = Object.assign(new PoolOptions(), checkOptions(`${where}: pool`, given.pool ?? {}, poolRules));
  checkOptions(`${where}: pool.resourceLimits`, pool.resourceLimits ?? {}, limitRules);
  if (pool.minThreads > pool.maxThreads) {
    throw new InvalidOptionError(
      wrongOption(
        `${where}: pool`,
        'minThreads',
        String(pool.minThreads),
        `no more than maxThreads (${pool.maxThreads})`,
      ),
    );
  }
  const history = Object.assign(
    new HistoryOptions(),
    checkOptions(`${where}: history`, given.history ?? {}, historyRules),
  );
  const defaults = checkDefaults(`${where}: defaults`, given.defaults ?? {});
  return Object.assign(new BackgroundTasksOptions(), given, { pool, history, defaults });
}
