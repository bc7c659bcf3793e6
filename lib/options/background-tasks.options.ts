import { InvalidOptionError } from '../errors/task.errors.ts';
import { HistoryOptions, historyRules, storeRule } from '../records/history.options.ts';
import type { TaskStore } from '../records/task-store.ts';
import {
  checkDefaults,
  type OnFailure,
  onFailureRule,
  type RunOn,
  runOnRule,
  type TaskOptions,
} from '../task/definition/task-options.ts';
import { limitRules, PoolOptions, poolRules } from '../threads/pool.options.ts';
import {
  checkOptions,
  delayTime,
  either,
  integerFrom,
  milliseconds,
  oneOf,
  type OptionRules,
  plainObject,
} from '../validation/option-rules.ts';
import { wrongOption } from '../validation/validation.messages.ts';
import { type BackgroundTasksExtras, scopeRule } from './scope.ts';

/** The token of the option `scope`. */
export const TASKS_SCOPE = Symbol('nestjs-background-tasks.scope');

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

/**
 * What `forRootAsync({ useClass })` and `({ useExisting })` expect of the class.
 *
 * @since 0.1.0
 */
export interface BackgroundTasksOptionsFactory {
  createBackgroundTasksOptions(): BackgroundTasksModuleOptions | Promise<BackgroundTasksModuleOptions>;
}

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
