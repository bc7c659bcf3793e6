import { taskCancelled } from '../../errors/task.errors.ts';
import { TaskQueueError } from '../../errors/unavailable.errors.ts';
import { plainRecord, type TaskError, type TaskRecord, type TaskStatus } from '../../task/model/task-record.ts';
import { stepBeforeFailed, unreadableResult } from '../bullmq.messages.ts';
import { failedStepOf } from './failed-step.ts';
import { decode, isOmitted } from './job-codec.ts';
import { CANCELLED, isCancellation, readJobError } from './job-error.ts';
import { readProgress } from './job-progress.ts';
import type { TaskJob } from './task-job.ts';

const statuses: { readonly [state: string]: TaskStatus } = {
  active: 'running',
  completed: 'completed',
  failed: 'failed',
};

/**
 * Reads the record of a task from its job.
 *
 * @param state the job's state in BullMQ
 */
export function recordOf(job: TaskJob, state: string): TaskRecord {
  const { id, name, timestamp } = job;
  const progress = readProgress(job.progress);
  const status = statusOf(job, state);
  const { attemptsMade, processedOn } = attemptsOf(job);
  const finishedOn = status === 'cancelled' ? (job.finishedOn ?? job.data.cancelledAt) : job.finishedOn;
  const error = errorOf(job, status);
  return plainRecord({
    id: id!,
    name,
    status,
    attempts: attemptsMade + (status === 'running' ? 1 : 0),
    createdAt: timeOf(timestamp),
    ...(processedOn && { startedAt: timeOf(processedOn) }),
    ...(finishedOn && { finishedAt: timeOf(finishedOn) }),
    ...(progress !== 0 && { progress }),
    ...(status === 'completed' && resultOf(job)),
    ...(error && { error }),
  });
}

/** Other programs can add jobs with any times. */
function timeOf(ms: number): string {
  const time = new Date(ms);
  return (Number.isNaN(Number(time)) ? new Date(0) : time).toISOString();
}

function resultOf({ name, returnvalue }: TaskJob): Pick<TaskRecord, 'result' | 'resultOmitted'> {
  if (isOmitted(returnvalue)) {
    return { resultOmitted: returnvalue.omitted };
  }
  try {
    return { result: returnvalue && decode(returnvalue) };
  } catch {
    // Another program completed the job.
    return { resultOmitted: unreadableResult(name) };
  }
}

/** BullMQ counts an attempt for each claim, also when the task did not begin: it was cancelled, or a step before it failed. */
function attemptsOf({ attemptsMade, processedOn, finishedOn, failedReason, data }: TaskJob) {
  const isCancelledBefore = data.cancelledAt !== undefined && processedOn! >= data.cancelledAt;
  const isBegun = !finishedOn || !(isCancelledBefore || failedStepOf(failedReason) !== undefined);
  const begun = isBegun ? attemptsMade : Math.max(0, attemptsMade - 1);
  return { attemptsMade: begun, processedOn: begun === 0 && finishedOn ? undefined : processedOn };
}

function statusOf(job: TaskJob, state: string): TaskStatus {
  const status = statuses[state] ?? 'pending';
  const isMarked = job.data.cancelledAt !== undefined;
  const isCancelled = (status === 'pending' && isMarked) || (status === 'failed' && (isMarked || isCancellation(job)));
  return isCancelled ? 'cancelled' : status;
}

function errorOf(job: TaskJob, status: TaskStatus): TaskError | undefined {
  const { name, failedReason } = job;
  if (status === 'cancelled' && !isCancellation(job)) {
    return { name: CANCELLED, message: taskCancelled(name, 'requested') };
  }
  if (status === 'completed' || (!failedReason && status !== 'failed')) {
    return undefined;
  }
  const failedStep = failedStepOf(failedReason);
  return failedStep === undefined
    ? readJobError(job)
    : { name: TaskQueueError.name, message: stepBeforeFailed(failedStep) };
}
