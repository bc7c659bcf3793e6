import type { BackgroundTask } from '../../task/handle/background-task.ts';
import type { AttemptRecord } from '../../durable/task-queue.ts';
import { isTaskId, type TaskError, type TaskProgress, type TaskRecord } from '../../task/model/task-record.ts';
import type { TaskTarget } from '../../task/model/task-target.ts';
import type { TaskRow } from '../dashboard.api.ts';
import { displayOf, type DisplayLimits } from './display.ts';
import { shortError, shortText } from './short-error.ts';
import { shownText } from './shown-text.ts';

/** How many characters of an error a row shows, and how many the view of its task. */
const MAX_IN_ROW = 1_000;
const MAX_IN_VIEW = 100_000;
/** How many attempts a view shows: the newest. */
const MAX_ATTEMPTS = 100;
/** How much of its progress a row shows. The view of a task shows as much as of a result. */
const PROGRESS_IN_ROW: DisplayLimits = { depth: 4, parts: 50, text: 200, texts: 1_000 };

/** The row of a task as this process knows it. */
export function rowOfHandle(task: BackgroundTask): TaskRow {
  const row = rowOf(task.toRecordWithRoute(), task.target);
  // The attempt has ended, but this process does not know yet whether its queue makes another one.
  return task.isAttempt && task.isSettled ? { ...row, canRetry: false } : row;
}

/** The row of a task that is in a queue. */
export function rowOfQueued(record: TaskRecord): TaskRow {
  return rowOf(record, 'queue');
}

/** The row of a task that runs in another process, which has shared the record. */
export function rowOfShared(record: TaskRecord): TaskRow {
  return { ...rowOf(record, 'event-loop'), canCancel: false };
}

/** The error and the progress of a task for its own view. A row has only the beginning of a long text. */
export function detailsInView({ error, progress }: TaskRecord): { error?: TaskError; progress?: TaskProgress } {
  return {
    ...(error && { error: shortError(error, MAX_IN_VIEW) }),
    ...(progress !== undefined && { progress: shownProgress(progress) }),
  };
}

/** The attempts that a queue knows, with short errors: `detailsInView` has more of the last error. */
export function attemptsInView(attempts: readonly AttemptRecord[] = []): AttemptRecord[] {
  return attempts.slice(-MAX_ATTEMPTS).map(shortAttempt);
}

function shortAttempt({ error, ...others }: AttemptRecord): AttemptRecord {
  return { ...others, ...(error && { error: shortError(error, MAX_IN_ROW) }) };
}

/** Progress can be a number that JSON does not have, such as NaN, and another program can have written any value. */
function shownProgress(progress: TaskProgress, limits?: DisplayLimits): TaskProgress {
  const shown = displayOf(progress, limits);
  return typeof shown === 'number' || (typeof shown === 'object' && shown !== null) ? shown : { progress: shown };
}

function rowOf({ result: _result, ...record }: TaskRecord, target: TaskTarget): TaskRow {
  const { id, name, route, status, error, progress, resultOmitted } = record;
  // Another program can add a job with any id, and no call of this package takes such an id.
  const isOwn = isTaskId(id);
  return {
    ...record,
    name: shownText(name),
    ...(route !== undefined && { route: shownText(route) }),
    ...(resultOmitted !== undefined && { resultOmitted: shortText(resultOmitted, MAX_IN_ROW) }),
    ...(error && { error: shortError(error, MAX_IN_ROW) }),
    ...(progress !== undefined && { progress: shownProgress(progress, PROGRESS_IN_ROW) }),
    target,
    canCancel: isOwn && (status === 'pending' || status === 'running'),
    canRetry: isOwn && target === 'queue' && (status === 'failed' || status === 'cancelled'),
  };
}
