import type { TaskRecord } from './task-record.ts';

/**
 * What `TaskRunner.events` emits: each step of each task, with the task as it was at that moment.
 *
 * @since 0.1.0
 */
export type TaskEvent = { task: TaskRecord } & (
  | { type: 'added' | 'stored' | 'progress' | 'skipped' }
  | {
      type: 'started';
      /** ms from when the task was added until its first attempt began; of the first attempt. */
      wait?: number;
    }
  | {
      type: 'retrying';
      /** ms until the next attempt. */
      delay: number;
    }
  | {
      type: 'completed' | 'failed' | 'cancelled';
      /** ms from when its first attempt began until its end, if it had begun. */
      run?: number;
    }
);

/**
 * Each step that a task can take.
 *
 * @since 0.1.0
 */
export type TaskEventType = TaskEvent['type'];
