import type { TaskOptions } from '../task/task-options.ts';

/** Whether the request to which a list belongs went well; `undefined` where there is no request. */
export type Outcome = 'success' | 'failure' | undefined;

/** Whether a task runs after such an outcome. */
export function isWantedAfter(outcome: Outcome, { runOn }: Pick<TaskOptions, 'runOn'>): boolean {
  return outcome === undefined || runOn === 'always' || runOn === outcome;
}
