import { describe, isError, read } from '../../util/inspect.ts';

/**
 * Where a task stands: `pending` and `running` go on, the others are its ends.
 *
 * @since 0.1.0
 */
export type TaskStatus = 'pending' | 'running' | 'completed' | 'failed' | 'cancelled' | 'skipped';

/**
 * Why a task failed: what its error, and the cause of that, say of themselves. No stack, and nothing else that they hold.
 *
 * @since 0.1.0
 */
export interface TaskError {
  name: string;
  message: string;
  cause?: TaskError;
}

/**
 * The plain form of a task: what is known of it. From `TaskRegistry`, and from a store, its result and progress are what
 * JSON makes of them: a bigint is a string, what JSON has no words for is left out.
 *
 * @since 0.1.0
 */
export interface TaskRecord<R = unknown> {
  id: string;
  name: string;
  status: TaskStatus;
  /** How many attempts have begun. */
  attempts: number;
  /** When it was added, as an ISO 8601 string. */
  createdAt: string;
  /** When its first attempt began, as an ISO 8601 string. */
  startedAt?: string;
  /** When it came to its end, as an ISO 8601 string. */
  finishedAt?: string;
  /** What the task last said of how far it has come. */
  progress?: TaskProgress;
  /** What a completed task returned. */
  result?: R;
  /** Why a task failed, or was cancelled; between two attempts, while it is `pending`, why the last one failed. */
  error?: TaskError;
}

/** The record in JSON's words. Never throws: a result with a circle in it is left out. */
export function plainRecord(record: TaskRecord): TaskRecord {
  if (record.result === undefined && record.progress === undefined) {
    return record;
  }
  try {
    return JSON.parse(JSON.stringify(record, bigintAsString)) as TaskRecord;
  } catch {
    const { result: _result, progress: _progress, ...others } = record;
    return others;
  }
}

function bigintAsString(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

/** The states in which a task has come to its end. */
export type TaskEnd = 'completed' | 'failed' | 'cancelled' | 'skipped';

export function errorRecord(error: unknown, isCause = false): TaskError {
  if (!isError(error)) {
    return { name: 'Error', message: typeof error === 'string' ? error : describe(error) };
  }
  const [name, message, cause] = [read(error, 'name'), read(error, 'message'), read(error, 'cause')];
  return {
    name: typeof name === 'string' ? name : 'Error',
    message: typeof message === 'string' ? message : describe(message),
    ...(cause !== undefined && !isCause && { cause: errorRecord(cause, true) }),
  };
}

/** How far a task has come, in the task's own terms. */
export type TaskProgress = number | object;
/** Whether it is an id as `addTask` gives it. */
export function isTaskId(id: unknown): boolean {
  return typeof id === 'string' && /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/.test(id);
}
