import type { TaskRecord } from './task-record.ts';

/**
 * Describes one step of a task, with its record at that moment. `TaskRunner.events` emits it.
 *
 * @since 0.1.0
 */
export type TaskEvent = { task: TaskRecord } & (
  | { type: 'added' | 'stored' | 'progress' | 'skipped' }
  | {
      type: 'started';
      /** How long the task waited for its first attempt, in ms. Only the first attempt has it. */
      wait?: number;
    }
  | {
      type: 'retrying';
      /** How long until the next attempt, in ms. */
      delay: number;
    }
  | {
      type: 'completed' | 'failed' | 'cancelled';
      /**
       * How long the task took from the start of its first attempt until it settled, in ms.
       *
       * `undefined` if no attempt began.
       */
      run?: number;
    }
);

/**
 * Names the steps that a task can take.
 *
 * @since 0.1.0
 */
export type TaskEventType = TaskEvent['type'];
