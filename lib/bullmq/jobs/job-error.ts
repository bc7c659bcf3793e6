/*
 * When an error fails a job, BullMQ keeps only its message (`failedReason`) and its stack (`stacktrace`): see `moveToFailed`
 * and `saveStacktrace` in `src/classes/job.ts` of taskforcesh/bullmq. This file writes the error's name and cause into the
 * stack, and reads them back. If the stack would be read as another error, its last line holds the record of the error.
 */
import { isDeepStrictEqual } from 'node:util';
import { errorRecord, type TaskError } from '../../task/model/task-record.ts';
import { stackOf } from '../../util/error-text.ts';
import { isError } from '../../util/inspect.ts';
import { withoutBegun } from './job-start.ts';
import { acceptedText } from '../../durable/codec/accepted-text.ts';
import type { TaskJob } from './task-job.ts';

type FailedJob = Pick<TaskJob, 'failedReason' | 'stacktrace'>;

/** The name of an error in whose stack the task counts as cancelled. */
export const CANCELLED = 'TaskCancelledError';

/** The line that `stackOf` writes for the cause of an error. */
const CAUSE = /^Caused by: (\w+): (.*)$/m;

/** The last line of a stack that would be read as another error. */
const RECORD = /^Record: (\{.*\})$/m;

/**
 * Turns what a task threw into an error whose message and stack every server accepts.
 *
 * The error is named `Error`, and its message never begins with `bullmq:`. BullMQ takes errors with certain names, and the
 * message `bullmq:rateLimitExceeded`, as commands: see `handleFailed` in `src/classes/worker.ts` of taskforcesh/bullmq.
 *
 * @param isCancelled whether the record says that the task was cancelled
 */
export function jobError(thrown: unknown, isCancelled = false): Error {
  const record = acceptedError(errorRecord(thrown));
  const failedReason = record.message.replace(/^bullmq:/, 'BullMQ:');
  const plain = acceptedText(isError(thrown) ? stackOf(thrown) : `Error: ${record.message}`);
  // A task can throw an error that has the same name.
  const stack = plain.startsWith(CANCELLED) && !isCancelled ? `Error: ${plain}` : plain;
  const isReadAsRecord = isDeepStrictEqual(readJobError({ failedReason, stacktrace: [stack] }), record);
  return Object.assign(new Error(failedReason), {
    stack: isReadAsRecord ? stack : `${stack}\nRecord: ${JSON.stringify(record)}`,
  });
}

/** Whether `jobError` marked the job's last error as a cancellation. */
export function isCancellation({ stacktrace }: FailedJob): boolean {
  return nameIn(stacktrace?.at(-1)) === CANCELLED;
}

/** Reads the job's last error. */
export function readJobError({ failedReason, stacktrace }: FailedJob): TaskError {
  const stack = withoutBegun(stacktrace?.at(-1) ?? '');
  const lastLine = stack.slice(stack.lastIndexOf('\n') + 1);
  const [, record] = RECORD.exec(lastLine) ?? [];
  const cause = CAUSE.exec(stack);
  return (
    (record !== undefined && parsed(record)) || {
      // BullMQ itself throws an UnrecoverableError, such as for a task that has lost its process too often.
      name: nameIn(stack)?.replace(/^UnrecoverableError$/, 'Error') ?? 'Error',
      message: failedReason ?? '',
      ...(cause && { cause: { name: cause[1]!, message: cause[2]! } }),
    }
  );
}

/** @returns `undefined` for a line of another program */
function parsed(record: string): TaskError | undefined {
  try {
    return asTaskError(JSON.parse(record));
  } catch {
    return undefined;
  }
}

/** Reads what `errorRecord` makes, which has no cause of a cause. */
function asTaskError(value: unknown, isCause = false): TaskError | undefined {
  const { name, message, cause } = (value ?? {}) as Partial<TaskError>;
  if (typeof name !== 'string' || typeof message !== 'string') {
    return undefined;
  }
  const own = isCause ? undefined : asTaskError(cause, true);
  return { name, message, ...(own && { cause: own }) };
}

function nameIn(stack = ''): string | undefined {
  return /^\w+\b/.exec(stack)?.[0];
}

function acceptedError({ name, message, cause }: TaskError): TaskError {
  return {
    name: acceptedText(name),
    message: acceptedText(message),
    ...(cause && { cause: acceptedError(cause) }),
  };
}
