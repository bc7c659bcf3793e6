import type { Job, JobsOptions } from 'bullmq';
import { TaskQueueError } from '../errors/task-queue.error.ts';
import type { TaskToStore } from '../queue/task-queue.ts';
import { byCaller, stepBeforeFailed, taskCancelled } from '../messages.ts';
import type { TaskOptions } from '../task/task-options.ts';
import { plainRecord, type TaskError, type TaskRecord, type TaskStatus } from '../task/task-record.ts';
import type { BullMqTasksOptions } from './bullmq-tasks.options.ts';
import { decode, encodeArguments, type Stored } from './job-data.ts';

/** What a job holds. */
export interface JobData {
  readonly args: Stored;
  /** Those of its call that the queue doesn't know. */
  readonly options: Pick<TaskOptions, 'timeout'>;
  /** Which arguments are to be what the jobs before it have resulted in. */
  readonly previousAt?: readonly number[];
  /** The ids of the jobs before it, in their order, which no store keeps. */
  readonly before?: readonly string[];
  readonly isGroup?: boolean;
  /** ms since the epoch: it is not to run when its turn comes. */
  readonly cancelledAt?: number;
}

export type TaskJob = Job<JobData, Stored | undefined>;

/** A job as BullMQ is given it. */
export interface JobToAdd {
  readonly name: string;
  readonly queueName: string;
  readonly data: JobData;
  readonly opts: JobsOptions & { jobId: string };
  readonly children?: JobToAdd[];
}

/**
 * What a task that is to be stored is as a job.
 *
 * @throws TaskArgumentError if its arguments can't be stored
 */
export function jobOf(task: TaskToStore, options: BullMqTasksOptions): JobToAdd {
  const { id, name, queue, args, createdAt, previousAt, before } = task;
  const { delay, deduplication } = task.options;
  const children = before?.tasks.map((it) => childOf(it, options));
  return {
    name,
    queueName: queue,
    data: {
      ...dataOf(name, args, task.options, options),
      ...(previousAt.length > 0 && { previousAt, isGroup: before!.isGroup }),
      ...(before && { before: before.tasks.map((it) => it.id) }),
    },
    opts: {
      ...jobOptions(task.options, options),
      jobId: id,
      timestamp: createdAt,
      ...(delay !== undefined && { delay }),
      ...(deduplication && { deduplication }),
    },
    ...(children && { children }),
  };
}

/** One without which that after it can't run. */
function childOf(task: TaskToStore, options: BullMqTasksOptions): JobToAdd {
  const job = jobOf(task, options);
  return { ...job, opts: { ...job.opts, failParentOnFailure: true } };
}

/** @throws TaskArgumentError if its arguments can't be stored */
export function dataOf(
  name: string,
  args: readonly unknown[],
  { timeout }: TaskOptions,
  { maxSize }: BullMqTasksOptions,
): JobData {
  return { args: encodeArguments(name, args, maxSize), options: timeout === undefined ? {} : { timeout } };
}

/** Those that hold for each time that a repeating task runs, too. */
export function jobOptions(
  { attempts = 1, backoff, priority }: TaskOptions,
  { keepCompleted }: BullMqTasksOptions,
): JobsOptions {
  return {
    attempts,
    ...(backoff && { backoff }),
    ...(priority !== undefined && { priority }),
    removeOnComplete: { count: keepCompleted },
    removeOnFail: { count: 10_000 },
  };
}

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
    return { name: CANCELLED, message: taskCancelled(name, byCaller) };
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

/** How the stack begins of what is recorded as cancelled. */
export const CANCELLED = 'TaskCancelledError';
/** What BullMQ says where a step before it has failed. */
const BEFORE = /^child .*:([\da-f-]{36}) failed$/;
const CAUSE = /^Caused by: (\w+): (.*)$/m;

function nameOf(stack = ''): string | undefined {
  return /^\w+\b/.exec(stack)?.[0];
}
