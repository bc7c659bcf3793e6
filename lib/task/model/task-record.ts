import { thrownText } from '../../util/error-text.ts';
import { isError, read } from '../../util/inspect.ts';
import { withoutSecrets } from '../../util/secrets.ts';

/**
 * Names the state of a task. `pending` and `running` tasks have not settled; the others have.
 *
 * @since 0.1.0
 */
export type TaskStatus = 'pending' | 'running' | 'completed' | 'failed' | 'cancelled' | 'skipped';

/** The states of a settled task. */
export type TaskEnd = 'completed' | 'failed' | 'cancelled' | 'skipped';

/**
 * Describes a task as plain data.
 *
 * In records from `TaskRegistry` and from a store, `result` and `progress` have the form that JSON gives them: a bigint
 * becomes a string, and what JSON can't express is left out.
 *
 * @since 0.1.0
 */
export interface TaskRecord<R = unknown> {
  id: string;
  name: string;
  /** The queue of a durable task. */
  queue?: string;
  /**
   * The method and route of the request that added the task: `POST /orders/:id`.
   *
   * Only events and messages of channels have it. Clients get the records of handles and of `TaskRegistry`, and the
   * routes of an application can be internal.
   */
  route?: string;
  status: TaskStatus;
  /** How many attempts have begun. */
  attempts: number;
  /** When the task was added, as an ISO 8601 string. */
  createdAt: string;
  /** When the first attempt began, as an ISO 8601 string. */
  startedAt?: string;
  /** When the task settled, as an ISO 8601 string. */
  finishedAt?: string;
  /** What the task last passed to `updateProgress`. */
  progress?: TaskProgress;
  /** What a completed task returned. */
  result?: R;
  /**
   * Why the record of a completed task has no `result`.
   *
   * JSON can't express it, or it is too large for its queue.
   */
  resultOmitted?: string;
  /**
   * Why the task failed or was cancelled.
   *
   * While a task waits for its next attempt: why the last attempt failed.
   */
  error?: TaskError;
}

/**
 * Tells how far a task has come, in terms of the task: a number or an object.
 *
 * @since 0.1.0
 */
export type TaskProgress = number | object;

/**
 * Describes an error as plain data: its name, its message and its cause.
 *
 * It has no stack and no other properties.
 *
 * @since 0.1.0
 */
export interface TaskError {
  name: string;
  message: string;
  cause?: TaskError;
}

/** Whether a value has the form of the ids that `addTask` makes. */
export function isTaskId(id: unknown): boolean {
  return typeof id === 'string' && /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/.test(id);
}

export const resultNotJson = (name: string) =>
  `Task "${name}" completed, and its result is left out: expected one that JSON can express, got another. Return plain data.`;

export function withoutRoute<R>({ route: _route, ...record }: TaskRecord<R>): TaskRecord<R> {
  return record;
}

/** Converts a record to what JSON can express. Never throws: it leaves out a result or progress that JSON can't express. */
export function plainRecord(record: TaskRecord): TaskRecord {
  if (record.result === undefined && record.progress === undefined) {
    return record;
  }
  try {
    const plain = JSON.parse(JSON.stringify(record, bigintAsString)) as TaskRecord;
    // JSON leaves out functions and symbols.
    const isLost = record.result !== undefined && !('result' in plain);
    return isLost ? { ...plain, resultOmitted: resultNotJson(record.name) } : plain;
  } catch {
    const { result, progress, ...others } = record;
    return {
      ...others,
      ...asJson('progress', progress, {}),
      ...asJson('result', result, { resultOmitted: resultNotJson(record.name) }),
    };
  }
}

function asJson(key: string, value: unknown, otherwise: Partial<TaskRecord>): Partial<TaskRecord> {
  try {
    const plain = JSON.parse(JSON.stringify({ [key]: value }, bigintAsString)) as Partial<TaskRecord>;
    return value === undefined || key in plain ? plain : otherwise;
  } catch {
    return otherwise;
  }
}

export function bigintAsString(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

/** Returns the error with each of its texts changed, also those of its cause. */
export function withTexts({ name, message, cause }: TaskError, change: (text: string) => string): TaskError {
  return { name: change(name), message: change(message), ...(cause && { cause: withTexts(cause, change) }) };
}

/** Converts an error, and its direct cause, to plain data without secrets. */
export function errorRecord(error: unknown, isCause = false): TaskError {
  if (!isError(error)) {
    return { name: 'Error', message: withoutSecrets(thrownText(error)) };
  }
  const [name, message, cause] = [read(error, 'name'), read(error, 'message'), read(error, 'cause')];
  return {
    name: typeof name === 'string' ? name : 'Error',
    message: withoutSecrets(thrownText(message)),
    ...(cause !== undefined && !isCause && { cause: errorRecord(cause, true) }),
  };
}
