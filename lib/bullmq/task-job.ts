import type { Job, JobsOptions } from 'bullmq';
import type { TaskToStore } from '../queue/task-queue.ts';
import type { TaskError, TaskRecord, TaskStatus } from '../task/task-record.ts';
import { plainRecord } from '../task/task-record.ts';
import { decode, encodeArguments, type JobData, type Stored } from './job-data.ts';
import type { BullMqTasksOptions } from './bullmq-tasks.options.ts';

export type TaskJob = Job<JobData, Stored | undefined>;

/** A job as BullMQ is given it. */
export interface JobToAdd {
  readonly name: string;
  readonly queueName: string;
  readonly data: JobData;
  readonly opts: JobsOptions & { jobId: string };
}

/** What a task that is to be stored is as a job. */
export function jobOf(
  { id, name, queue, args, createdAt, options }: TaskToStore,
  { maxSize, keepCompleted }: BullMqTasksOptions,
): JobToAdd {
  const { attempts = 1, backoff, delay, priority, deduplication, timeout } = options;
  return {
    name,
    queueName: queue,
    data: { args: encodeArguments(name, args, maxSize), options: timeout === undefined ? {} : { timeout } },
    opts: {
      jobId: id,
      timestamp: createdAt,
      attempts,
      ...(backoff && { backoff }),
      ...(delay !== undefined && { delay }),
      ...(priority !== undefined && { priority }),
      ...(deduplication && { deduplication }),
      removeOnComplete: { count: keepCompleted },
      removeOnFail: { count: 10_000 },
    },
  };
}

const statuses: { readonly [state: string]: TaskStatus } = {
  active: 'running',
  completed: 'completed',
  failed: 'failed',
};

/** @param state BullMQ's own */
export function recordOf(job: TaskJob, state: string): TaskRecord {
  const { id, name, timestamp, processedOn, finishedOn, attemptsMade, progress, returnvalue } = job;
  const error = errorOf(job);
  const isCancelled = error?.name === 'TaskCancelledError';
  const status = isCancelled && state === 'failed' ? 'cancelled' : (statuses[state] ?? 'pending');
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
    ...(error && status !== 'completed' && { error }),
  });
}

/** BullMQ keeps its message and stack, of which the first line has its name. */
function errorOf({ failedReason, stacktrace }: TaskJob): TaskError | undefined {
  if (!failedReason) {
    return undefined;
  }
  const [, name = 'Error'] = /^(\w+)\b/.exec(stacktrace?.at(-1) ?? '') ?? [];
  return { name, message: failedReason };
}
