import type { BackgroundTask } from '../../task/handle/background-task.ts';
import { plainRecord, type TaskRecord } from '../../task/model/task-record.ts';
import type { TaskTarget } from '../../task/model/task-target.ts';
import type { TaskRow } from '../dashboard.api.ts';

export function targetOf(task: BackgroundTask): TaskTarget {
  // An attempt of a durable task runs here, and its queue owns it.
  return task.queue === undefined ? task.target : 'queue';
}

/** The row of a task as this process knows it. */
export function rowOfHandle(task: BackgroundTask): TaskRow {
  const { result: _result, ...record } = task.toRecordWithRoute();
  const row = rowOf(plainRecord(record), targetOf(task));
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

function rowOf({ result: _result, ...record }: TaskRecord, target: TaskTarget): TaskRow {
  const { status } = record;
  return {
    ...record,
    target,
    canCancel: status === 'pending' || status === 'running',
    canRetry: target === 'queue' && (status === 'failed' || status === 'cancelled'),
  };
}
