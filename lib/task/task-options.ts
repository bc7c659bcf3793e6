import { checkOptions, nonEmptyString, oneOf, timeLimit, type OptionRules } from './option-rules.ts';

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
 * What can be said of a single task: by `with(options)` of those that are added through it, by `defineTask` of the one that it
 * defines. The former goes first.
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
  /**
   * How long, in ms, an attempt may take. Then its signal is aborted and the task fails with a `TaskTimeoutError`. In a
   * thread it is killed; on the event loop a function that ignores its signal goes on, unseen. Default: for ever.
   */
  timeout?: number;
}

export const runOnRule = oneOf('success', 'failure', 'always');
export const onFailureRule = oneOf('stop', 'continue');

const rules: OptionRules<TaskOptions> = {
  name: nonEmptyString,
  runOn: runOnRule,
  onFailure: onFailureRule,
  timeout: timeLimit,
};

/**
 * @param where how the reader would name the call: `with`
 * @throws InvalidOptionError
 */
export function checkTaskOptions(where: string, options: TaskOptions): TaskOptions {
  return checkOptions(where, options, rules);
}
