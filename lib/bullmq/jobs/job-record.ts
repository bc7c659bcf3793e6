import { taskCancelled } from '../../errors/task.errors.ts';
import { TaskQueueError } from '../../errors/unavailable.errors.ts';
import { plainRecord, type TaskError, type TaskRecord, type TaskStatus } from '../../task/model/task-record.ts';
import { stepBeforeFailed } from '../../durable/durable.messages.ts';
import { isoTime } from '../../util/iso-time.ts';
import { unreadableResult } from '../bullmq.messages.ts';
import { failedStepOf } from './failed-step.ts';
import { decode, type Encoded, isOmitted } from '../../durable/codec/value-codec.ts';
import { CANCELLED, isCancellation, readJobError } from './job-error.ts';
import { beganInClaim, begunAtFailure } from './job-start.ts';
import { readProgress } from './job-progress.ts';
import type { TaskJob } from './task-job.ts';

/**
 * What the fields of a job say about where it is. The server changes them in one step with the job's state, so a record that
 * is made from them can't contradict itself. `claimed`: a worker has claimed the job, which runs or is back in the queue.
 */
export type JobPhase = 'pending' | 'claimed' | 'completed' | 'failed';

export function phaseOf({ finishedOn, returnvalue, failedReason, stacktrace, ...job }: TaskJob): JobPhase {
  if (!finishedOn) {
    return job.attemptsStarted > job.attemptsMade ? 'claimed' : 'pending';
  }
  const hasError = Boolean(failedReason) || (stacktrace?.length ?? 0) > 0;
  return returnvalue || !hasError ? 'completed' : 'failed';
}

/** Whether the job has not changed its state between two readings. */
export function isSameMoment(one: TaskJob, other: TaskJob): boolean {
  return (
    one.attemptsStarted === other.attemptsStarted &&
    one.attemptsMade === other.attemptsMade &&
    one.finishedOn === other.finishedOn &&
    one.data.cancelledAt === other.data.cancelledAt
  );
}

/**
 * Reads the record of a task from its job.
 *
 * @param isActive whether a worker runs the job; it counts only for a job that is `claimed`
 */
export function recordOf(job: TaskJob, isActive: boolean): TaskRecord {
  const { id, name, queueName, timestamp } = job;
  const progress = readProgress(job.progress);
  const status = statusOf(job, isActive);
  const attempts = attemptsOf(job, status);
  const startedOn = attempts > 0 ? startOf(job) : undefined;
  const finishedOn = status === 'cancelled' ? (job.finishedOn ?? job.data.cancelledAt) : job.finishedOn;
  const error = errorOf(job, status);
  return plainRecord({
    id: id!,
    name,
    queue: queueName,
    ...(job.data.route !== undefined && { route: job.data.route }),
    status,
    attempts,
    createdAt: timeOf(timestamp),
    ...(startedOn && { startedAt: timeOf(startedOn) }),
    ...(finishedOn && { finishedAt: timeOf(finishedOn) }),
    ...(progress !== 0 && { progress }),
    ...(status === 'completed' && resultOf(name, job.returnvalue)),
    ...(error && { error }),
  });
}

/** Other programs can add jobs with any times. A time that no `Date` can hold is read as 1970. */
export function asTime(ms: number): number {
  return isTime(ms) ? ms : 0;
}

export function timeOf(ms: number): string {
  return isoTime(asTime(ms));
}

function isTime(ms: unknown): ms is number {
  return typeof ms === 'number' && !Number.isNaN(new Date(ms).getTime());
}

/** @param returned what the server keeps of the task's result */
export function resultOf(name: string, returned: unknown): Pick<TaskRecord, 'result' | 'resultOmitted'> {
  if (isOmitted(returned)) {
    return { resultOmitted: returned.omitted };
  }
  try {
    return { result: returned && decode(returned as Encoded) };
  } catch {
    // Another program completed the job.
    return { resultOmitted: unreadableResult(name) };
  }
}

/** Tells how a task ended if its job is gone: BullMQ has kept only the message of its last error. */
export function failureOf(name: string, failedReason = ''): Pick<TaskRecord, 'status' | 'error'> {
  const failedStep = failedStepOf(failedReason);
  if (failedStep !== undefined) {
    return { status: 'failed', error: stepFailed(failedStep) };
  }
  return failedReason === taskCancelled(name, 'requested')
    ? { status: 'cancelled', error: { name: CANCELLED, message: failedReason } }
    : { status: 'failed', error: { name: 'Error', message: failedReason } };
}

function stepFailed(id: string): TaskError {
  return { name: TaskQueueError.name, message: stepBeforeFailed(id) };
}

function statusOf(job: TaskJob, isActive: boolean): TaskStatus {
  const phase = phaseOf(job);
  const isMarked = job.data.cancelledAt !== undefined;
  if (phase === 'completed') {
    return 'completed';
  }
  if (phase === 'failed') {
    return isMarked || isCancellation(job) ? 'cancelled' : 'failed';
  }
  if (phase === 'claimed' && isActive && !isClaimedInVain(job)) {
    // Before its function begins, a task waits. One that was cancelled meanwhile is about to settle.
    return beganInClaim(job) === undefined ? 'pending' : 'running';
  }
  return isMarked ? 'cancelled' : 'pending';
}

/** Whether the last claim came after the task was cancelled: then the worker has not run it. */
function isClaimedInVain({ data, attemptsStarted }: TaskJob): boolean {
  return data.cancelledAt !== undefined && attemptsStarted > (data.claimsAtCancel ?? 0);
}

/** BullMQ counts an attempt for each claim that ends, also when the task did not begin. */
function attemptsOf(job: TaskJob, status: TaskStatus): number {
  const { attemptsMade, finishedOn, failedReason } = job;
  const begun = finishedOn && status !== 'completed' ? begunAtFailure(job) : undefined;
  if (begun) {
    return begun.attempts;
  }
  const isUnbegun = finishedOn && (isClaimedInVain(job) || failedStepOf(failedReason) !== undefined);
  return Math.max(0, attemptsMade + (status === 'running' ? 1 : 0) - (isUnbegun ? 1 : 0));
}

/** When the function of the first attempt began. For a job that another program failed or completed: when it was claimed. */
export function startOf(job: TaskJob): number | undefined {
  const start =
    job.returnvalue?.startedAt ??
    begunAtFailure(job)?.startedAt ??
    beganInClaim(job) ??
    (isClaimedInVain(job) ? undefined : job.processedOn);
  return isTime(start) ? start : undefined;
}

function errorOf(job: TaskJob, status: TaskStatus): TaskError | undefined {
  const { name, failedReason } = job;
  if (status === 'cancelled' && !isCancellation(job)) {
    return { name: CANCELLED, message: taskCancelled(name, 'requested') };
  }
  if (status === 'completed' || status === 'running' || (!failedReason && status !== 'failed')) {
    return undefined;
  }
  const failedStep = failedStepOf(failedReason);
  return failedStep === undefined ? readJobError(job) : stepFailed(failedStep);
}
