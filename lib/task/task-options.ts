import { checkOptions, nonEmptyString, oneOf, type OptionRules } from './option-rules.ts';

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
 * What can be said of a single task, by `with(options)`.
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
}

export const runOnRule = oneOf('success', 'failure', 'always');
export const onFailureRule = oneOf('stop', 'continue');

const rules: OptionRules<TaskOptions> = {
  name: nonEmptyString,
  runOn: runOnRule,
  onFailure: onFailureRule,
};

export function checkTaskOptions(options: TaskOptions): TaskOptions {
  return checkOptions('with', options, rules);
}
