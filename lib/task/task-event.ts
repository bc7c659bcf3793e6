import type { TaskRecord } from './task-record.ts';

/** Each step that a task can take. */
export type TaskEventType =
  'added' | 'started' | 'progress' | 'retrying' | 'completed' | 'failed' | 'cancelled' | 'skipped';

/**
 * What `TaskRunner.events` emits: each step of each task, with the task as it was at that moment.
 *
 * @since 0.1.0
 */
export interface TaskEvent {
  type: TaskEventType;
  task: TaskRecord;
  /** ms from when the task was added until its first attempt began; with `started`, of the first attempt. */
  wait?: number;
  /** ms from when its first attempt began until its end; with `completed`, `failed` and `cancelled`, if it had begun. */
  run?: number;
  /** ms until the next attempt; with `retrying`. */
  delay?: number;
}
