import { taskCancelled } from '../../errors/task.errors.ts';
import { TaskQueueError } from '../../errors/unavailable.errors.ts';
import { plainRecord, type TaskError, type TaskRecord, type TaskStatus } from '../../task/model/task-record.ts';
import { stepBeforeFailed } from '../bullmq.messages.ts';
import { decode } from './job-codec.ts';
import { CANCELLED } from './job-error.ts';
import type { TaskJob } from './task-job.ts';

const statuses: { readonly [state: string]: TaskStatus } = {
  active: 'running',
  completed: 'completed',
  failed: 'failed',
};

/** @param state BullMQ's own */
export function recordOf(job: TaskJob, state: string): TaskRecord {
  const { id, name, timestamp, progress, returnvalue } = job;
  const status = statusOf(job, state);
  const { attemptsMade, processedOn } = runsOf(job);
  const finishedOn = status === 'cancelled' ? (job.finishedOn ?? job.data.cancelledAt) : job.finishedOn;
  const error = errorOf(job, status);
  return plainRecord({
    id: id!,
    name,
    status,
    attempts: attemptsMade + (status === 'running' ? 1 : 0),
    createdAt: new Date(timestamp).toISOString(),
    ...(processedOn && { startedAt: new Date(processedOn).toISOString() }),
    ...(finishedOn && { finishedAt: new Date(finishedOn).toISOString() }),
    ...(progress !== 0 && { progress: progress as object }),
    ...(status === 'completed' && { result: returnvalue && decode(returnvalue) }),
    ...(error && { error }),
  });
}

/** BullMQ counts it as an attempt when a job's turn has come, also where its task was not begun. */
function runsOf({ attemptsMade, processedOn, finishedOn, failedReason, data }: TaskJob) {
  const isCancelledBefore = data.cancelledAt !== undefined && processedOn! >= data.cancelledAt;
  const isBegun = !finishedOn || !(isCancelledBefore || BEFORE.test(failedReason ?? ''));
  const begun = isBegun ? attemptsMade : Math.max(0, attemptsMade - 1);
  return { attemptsMade: begun, processedOn: begun === 0 && finishedOn ? undefined : processedOn };
}

function statusOf({ data, stacktrace }: TaskJob, state: string): TaskStatus {
  const status = statuses[state] ?? 'pending';
  const isCancelled =
    (status === 'pending' && data.cancelledAt !== undefined) ||
    (status === 'failed' && (data.cancelledAt !== undefined || nameOf(stacktrace?.at(-1)) === CANCELLED));
  return isCancelled ? 'cancelled' : status;
}

/** BullMQ keeps its message and stack, which begins with its name, and has the cause further on. */
function errorOf({ name, failedReason, stacktrace }: TaskJob, status: TaskStatus): TaskError | undefined {
  const stack = stacktrace?.at(-1) ?? '';
  if (status === 'cancelled' && nameOf(stack) !== CANCELLED) {
    return { name: CANCELLED, message: taskCancelled(name, 'requested') };
  }
  if (status === 'completed' || (!failedReason && status !== 'failed')) {
    return undefined;
  }
  const cause = CAUSE.exec(stack);
  const [, before] = BEFORE.exec(failedReason ?? '') ?? [];
  if (before) {
    return { name: TaskQueueError.name, message: stepBeforeFailed(before) };
  }
  return {
    name: nameOf(stack)?.replace(/^UnrecoverableError$/, 'Error') ?? 'Error',
    message: failedReason ?? '',
    ...(cause && { cause: { name: cause[1]!, message: cause[2]! } }),
  };
}
/** What BullMQ says where a step before it has failed. */
const BEFORE = /^child .*:([\da-f-]{36}) failed$/;
const CAUSE = /^Caused by: (\w+): (.*)$/m;

function nameOf(stack = ''): string | undefined {
  return /^\w+\b/.exec(stack)?.[0];
}
