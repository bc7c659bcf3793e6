import type { TaskOptions } from '../task/definition/task-options.ts';
import type { BackgroundTask } from '../task/handle/background-task.ts';
import type { TaskRecord, TaskStatus } from '../task/model/task-record.ts';
import { isMatch } from './matching.ts';

/**
 * Describes a task that was added: its record, its arguments and its options.
 *
 * @since 0.1.0
 */
export type AddedTask = TaskRecord & {
  /** The arguments, as they were given. */
  readonly args: readonly unknown[];
  /**
   * The options, merged.
   *
   * Those of the call override those of the definition and of the application.
   */
  readonly options: TaskOptions;
};

/**
 * Selects added tasks. A field that is left out matches every task.
 *
 * Values may be matchers, such as `expect.any(String)`.
 *
 * @since 0.1.0
 */
export interface AddedFilter {
  /** `Class.method`, or the name of a function. */
  readonly name?: string;
  readonly args?: readonly unknown[];
  readonly queue?: string;
  readonly status?: TaskStatus;
}

/** A handle, with the arguments and the options of the task. */
export class Added {
  constructor(
    readonly task: BackgroundTask,
    readonly args: readonly unknown[],
    readonly options: TaskOptions,
  ) {}

  /** @param record what is known of the task now */
  matches({ name, args, queue, status }: AddedFilter, record: TaskRecord): boolean {
    return (
      (name === undefined || isMatch(name, record.name)) &&
      (args === undefined || isMatch(args, this.args)) &&
      (queue === undefined || isMatch(queue, record.queue)) &&
      (status === undefined || status === record.status)
    );
  }
}
