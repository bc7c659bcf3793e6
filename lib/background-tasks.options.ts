import { checkOptions, milliseconds, oneOf, type OptionRules } from './task/option-rules.ts';
import { onFailureRule, runOnRule, type OnFailure, type RunOn } from './task/task-options.ts';

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

  /** For how long, in ms, a task may keep the event loop to itself before it is warned of, once by name. 0: never warn. */
  blockingThreshold = 50;
}

/**
 * What `forRoot` takes: any of the options.
 *
 * @since 0.1.0
 */
export type BackgroundTasksModuleOptions = Partial<BackgroundTasksOptions>;

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
  blockingThreshold: milliseconds,
};

/** @throws InvalidOptionError */
export function resolveOptions(options: BackgroundTasksModuleOptions): BackgroundTasksOptions {
  return Object.assign(
    new BackgroundTasksOptions(),
    checkOptions<BackgroundTasksModuleOptions>('BackgroundTasksModule.forRoot', options, rules),
  );
}
