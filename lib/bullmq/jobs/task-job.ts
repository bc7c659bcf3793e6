import type { Job, JobsOptions } from 'bullmq';
import type { DurableTask } from '../../durable/task-queue.ts';
import type { TaskOptions } from '../../task/definition/task-options.ts';
import type { BullMqTasksOptions } from '../bullmq-tasks.options.ts';
import { encodeArguments, type Stored } from './job-codec.ts';

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
export function jobOf(task: DurableTask, options: BullMqTasksOptions): JobToAdd {
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
function childOf(task: DurableTask, options: BullMqTasksOptions): JobToAdd {
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
