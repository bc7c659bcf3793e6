/*
 * Of an error that fails a job, BullMQ keeps the message (`failedReason`) and the stack (`stacktrace`), and nothing else: see
 * `moveToFailed` and `saveStacktrace` in `src/classes/job.ts` of taskforcesh/bullmq. This file writes the error's name and
 * cause into the stack, and reads them back.
 */
import type { TaskError } from '../../task/model/task-record.ts';
import { stackOf } from '../../util/error-text.ts';
import { describe, isError, read } from '../../util/inspect.ts';
import type { TaskJob } from './task-job.ts';

type FailedJob = Pick<TaskJob, 'failedReason' | 'stacktrace'>;

/** The name of an error in whose stack the task counts as cancelled. */
export const CANCELLED = 'TaskCancelledError';

/** NUL, and halves of surrogate pairs: Postgres refuses them in JSON. */
const REFUSED_BY_POSTGRES = /\0|\p{Cs}/gu;

/** The line that `stackOf` writes for the cause of an error. */
const CAUSE = /^Caused by: (\w+): (.*)$/m;

/**
 * Turns what a task threw into an error whose message and stack every server accepts.
 *
 * The error is named `Error`, and its message never begins with `bullmq:`. BullMQ takes errors with certain names, and the
 * message `bullmq:rateLimitExceeded`, as commands: see `handleFailed` in `src/classes/worker.ts` of taskforcesh/bullmq.
 *
 * @param isCancelled whether the record says that the task was cancelled
 */
export function jobError(thrown: unknown, isCancelled = false): Error {
  const said = isError(thrown) ? read(thrown, 'message') : describe(thrown);
  const message = typeof said === 'string' ? said : describe(said);
  const stack = stackOf(thrown);
  // A task can throw an error that has the same name.
  const marked = stack.startsWith(CANCELLED) && !isCancelled ? `Error: ${stack}` : stack;
  return Object.assign(new Error(accepted(message).replace(/^bullmq:/, 'BullMQ:')), { stack: accepted(marked) });
}

/** Whether `jobError` marked the job's last error as a cancellation. */
export function isCancellation({ stacktrace }: FailedJob): boolean {
  return nameIn(stacktrace?.at(-1)) === CANCELLED;
}

/** Reads the job's last error. */
export function readJobError({ failedReason, stacktrace }: FailedJob): TaskError {
  const stack = stacktrace?.at(-1) ?? '';
  const cause = CAUSE.exec(stack);
  return {
    // BullMQ itself throws an UnrecoverableError, such as for a task that has lost its process too often.
    name: nameIn(stack)?.replace(/^UnrecoverableError$/, 'Error') ?? 'Error',
    message: failedReason ?? '',
    ...(cause && { cause: { name: cause[1]!, message: cause[2]! } }),
  };
}

function nameIn(stack = ''): string | undefined {
  return /^\w+\b/.exec(stack)?.[0];
}

function accepted(text: string): string {
  return text.replaceAll(REFUSED_BY_POSTGRES, '\uFFFD');
}
