import type { BackgroundTask } from '../../task/handle/background-task.ts';
import { type TaskError, plainRecord, type TaskRecord } from '../../task/model/task-record.ts';
import type { TaskTarget } from '../../task/model/task-target.ts';
import type { TaskRow } from '../dashboard.api.ts';
import { shortError } from './short-error.ts';

/** How many characters of an error a row shows, and how many the view of its task. */
const MAX_IN_ROW = 1_000;
const MAX_IN_VIEW = 100_000;

/** The row of a task as this process knows it. */
export function rowOfHandle(task: BackgroundTask): TaskRow {
  const { result: _result, ...record } = task.toRecordWithRoute();
  const row = rowOf(plainRecord(record), task.target);
  // An attempt has ended, and what its queue makes of it is not known yet.
  return task.isAttempt && task.isSettled ? { ...row, canRetry: false } : row;
}

/** The row of a task that is in a queue. */
export function rowOfQueued(record: TaskRecord): TaskRow {
  return rowOf(record, 'queue');
}

/** The row of a task that another process has shared: it runs there. */
export function rowOfShared(record: TaskRecord): TaskRow {
  return { ...rowOf(record, 'event-loop'), canCancel: false };
}

/** The error of a task for its own view: a row has only the beginning of a long one. */
export function errorInView({ error }: Pick<TaskRecord, 'error'>): { error?: TaskError } {
  return error ? { error: shortError(error, MAX_IN_VIEW) } : {};
}

function rowOf({ result: _result, ...record }: TaskRecord, target: TaskTarget): TaskRow {
  const { status, error } = record;
  return {
    ...record,
    ...(error && { error: shortError(error, MAX_IN_ROW) }),
    target,
    canCancel: status === 'pending' || status === 'running',
    canRetry: target === 'queue' && (status === 'failed' || status === 'cancelled'),
  };
}
