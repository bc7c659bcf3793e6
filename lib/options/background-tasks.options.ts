import { inspect } from 'node:util';
import { InvalidOptionError } from '../errors/task.errors.ts';
import { ObserveOptions, observeRules } from '../observe/observe.options.ts';
import { HistoryOptions, historyRules } from '../records/history.options.ts';
import { storeRule, type TaskStore } from '../records/task-store.ts';
import {
  checkDefaults,
  type Execution,
  executionRule,
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
  type OptionRules,
  anObject,
} from '../validation/option-rules.ts';
import { wrongOption } from '../validation/validation.messages.ts';
import { type BackgroundTasksExtras, scopeRule } from './scope.ts';

/** Holds every option of `BackgroundTasksModule`, with its default. */
export class BackgroundTasksOptions {
  /**
   * Sets how the tasks of one request run.
   *
   * - `sequential`: one after the other, in the order in which they were added.
   * - `parallel`: all at once.
   *
   * Tasks of different requests don't wait for each other. The option `execution` of a task overrides it.
   *
   * @default 'sequential'
   */
  execution: Execution = 'sequential';

  /**
   * Sets what happens to the tasks after a task that fails.
   *
   * `stop`: they are skipped. `continue`: they run. With `execution: 'parallel'` no task comes after another, so none
   * is skipped.
   *
   * @default 'stop'
   */
  onFailure: OnFailure = 'stop';

  /**
   * Sets after which responses tasks run.
   *
   * `success`: a status below 400. `failure`: any other. `always`: every response.
   *
   * @default 'success'
   */
  runOn: RunOn = 'success';

  /**
   * Sets defaults for every task; `with`, `@Task` and `defineTask` override them.
   *
   * @default {}
   */
  defaults: Omit<TaskOptions, 'name' | 'deduplication'> = {};

  /**
   * Limits how many tasks, of all requests, run at once on the event loop: 1 or more.
   *
   * Requests take turns.
   *
   * @default Infinity
   */
  concurrency = Infinity;

  /**
   * Limits how many tasks may wait or run: 1 or more.
   *
   * Beyond it, `addTask` and `start` throw `TooManyTasksError`, and a request gets a 503.
   *
   * @default 100_000
   */
  maxPending = 100_000;

  /**
   * Limits how long shutdown waits for tasks, in ms: from 0 to 2,147,483,647.
   *
   * Then it aborts signals and kills threads, and the log names the tasks that it cancelled.
   *
   * @default 10_000
   */
  shutdownTimeout = 10_000;

  /** Limits how many settled tasks `TaskRegistry` remembers, and for how long. */
  history = new HistoryOptions();

  /**
   * Shares task records with other processes: a Keyv 5 with any adapter.
   *
   * It keeps each record for `history.ttl`. If it fails or hangs, the log has a warning, and tasks go on without it.
   *
   * @default none: records stay in this process
   */
  store?: TaskStore;

  /**
   * Limits how long a task may block the event loop before the log warns, in ms: 0 or more.
   *
   * It warns once for each name. `0` never warns.
   *
   * @default 50
   */
  blockingThreshold = 50;

  /** Sets what the messages of the diagnostics channels hold. */
  observe = new ObserveOptions();

  /** Sets up the worker threads that run tasks defined with `thread`. */
  pool = new PoolOptions();

  /** Hides secrets where the options are inspected: passwords of the store and of `pool.env`. */
  [inspect.custom](): string {
    return BackgroundTasksOptions.name;
  }
}

/**
 * Describes the options of `BackgroundTasksModule.forRoot`. Each has a default.
 *
 * @since 0.1.0
 * @interface
 */
export type BackgroundTasksModuleOptions = Partial<
  Omit<BackgroundTasksOptions, 'pool' | 'history' | 'observe' | typeof inspect.custom> & {
    pool: Partial<PoolOptions>;
    history: Partial<HistoryOptions>;
    observe: Partial<ObserveOptions>;
  }
>;

/**
 * Describes a class for `forRootAsync({ useClass })` or `forRootAsync({ useExisting })`.
 *
 * @since 0.1.0
 */
export interface BackgroundTasksOptionsFactory {
  createBackgroundTasksOptions(): BackgroundTasksModuleOptions | Promise<BackgroundTasksModuleOptions>;
}

const rules: OptionRules<Omit<BackgroundTasksOptions, typeof inspect.custom>> = {
  execution: executionRule,
  onFailure: onFailureRule,
  runOn: runOnRule,
  defaults: anObject,
  concurrency: either(integerFrom(1), Infinity),
  maxPending: either(integerFrom(1), Infinity),
  shutdownTimeout: delayTime,
  history: anObject,
  store: storeRule,
  blockingThreshold: milliseconds,
  observe: anObject,
  pool: anObject,
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
  const observe = Object.assign(
    new ObserveOptions(),
    checkOptions(`${where}: observe`, given.observe ?? {}, observeRules),
  );
  const defaults = checkDefaults(`${where}: defaults`, given.defaults ?? {});
  return Object.assign(new BackgroundTasksOptions(), given, { pool, history, observe, defaults });
}
