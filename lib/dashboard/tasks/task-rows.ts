import type { BackgroundTask } from '../../task/handle/background-task.ts';
import type { TaskError, TaskProgress, TaskRecord } from '../../task/model/task-record.ts';
import type { TaskTarget } from '../../task/model/task-target.ts';
import type { TaskRow } from '../dashboard.api.ts';
import { displayOf, type DisplayLimits } from './display.ts';
import { shortError } from './short-error.ts';

/** How many characters of an error a row shows, and how many the view of its task. */
const MAX_IN_ROW = 1_000;
const MAX_IN_VIEW = 100_000;
/** How much of its progress a row shows. The view of a task shows as much as of a result. */
const PROGRESS_IN_ROW: DisplayLimits = { depth: 4, parts: 50, text: 200, texts: 1_000 };

/** The row of a task as this process knows it. */
export function rowOfHandle(task: BackgroundTask): TaskRow {
  const row = rowOf(task.toRecordWithRoute(), task.target);
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

/** The error and the progress of a task for its own view: a row has only the beginning of a long one. */
export function detailsInView({ error, progress }: TaskRecord): { error?: TaskError; progress?: TaskProgress } {
  return {
    ...(error && { error: shortError(error, MAX_IN_VIEW) }),
    ...(progress !== undefined && { progress: shownProgress(progress) }),
  };
}

/** Progress can be no number that JSON knows, and another program can have written anything. */
function shownProgress(progress: TaskProgress, limits?: DisplayLimits): TaskProgress {
  const shown = displayOf(progress, limits);
  return typeof shown === 'number' || (typeof shown === 'object' && shown !== null) ? shown : { progress: shown };
}

function rowOf({ result: _result, ...record }: TaskRecord, target: TaskTarget): TaskRow {
  const { status, error, progress } = record;
  return {
    ...record,
    ...(error && { error: shortError(error, MAX_IN_ROW) }),
    ...(progress !== undefined && { progress: shownProgress(progress, PROGRESS_IN_ROW) }),
    target,
    canCancel: status === 'pending' || status === 'running',
    canRetry: target === 'queue' && (status === 'failed' || status === 'cancelled'),
  };
}
