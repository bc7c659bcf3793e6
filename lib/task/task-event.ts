import type { TaskRecord } from './task-record.ts';

/**
 * What `TaskRunner.events` emits: each step of each task, with the task as it was at that moment.
 *
 * @since 0.1.0
 */
export interface TaskEvent {
  type: 'added' | 'started' | 'progress' | 'completed' | 'failed' | 'cancelled' | 'skipped';
  task: TaskRecord;
}
