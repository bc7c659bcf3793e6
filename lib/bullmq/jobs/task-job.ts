import type { Job, JobsOptions } from 'bullmq';
import type { DurableTask } from '../../durable/task-queue.ts';
import type { TaskOptions } from '../../task/definition/task-options.ts';
import { readCarrier, type TaskCarrier } from '../../task/model/task-carrier.ts';
import type { BullMqTasksOptions } from '../bullmq-tasks.options.ts';
import { TaskArgumentError } from '../../errors/task.errors.ts';
import { textRefused } from '../bullmq.messages.ts';
import { encodeArguments, type Encoded, type Omitted } from '../../durable/codec/value-codec.ts';
import { acceptedText, isRefused } from '../../durable/codec/accepted-text.ts';
import { MAX_TIMER } from '../../validation/option-rules.ts';
import type { Writable } from '../../util/writable.ts';

/** The data of a job. */
export interface JobData {
  readonly args: Encoded;
  /** The options of the call that BullMQ has no option for. */
  readonly options: Pick<TaskOptions, 'timeout'>;
  /** The positions in `args` that take the results of the jobs before this one. */
  readonly previousAt?: readonly number[];
  /** The ids of the jobs before this one, in order: BullMQ returns their results without an order. */
  readonly before?: readonly string[];
  readonly isGroup?: boolean;
  /** ms since the epoch. Set once the task is cancelled: the worker that claims it does not run it. */
  readonly cancelledAt?: number;
  /** How often workers had claimed the job when it was cancelled: no later claim runs the task. */
  readonly claimsAtCancel?: number;
  /** Set while a long attempt runs: the number of the claim, and when the function began, in ms since the epoch. */
  readonly begun?: { readonly claim: number; readonly at: number };
  /** ms since the epoch. Set once a worker that does not know the task's name has released it. */
  readonly unknownSince?: number;
  /** The route of the request that added the task. */
  readonly route?: string;
  /** What travels with the task: see `TaskQueue.enqueue`. */
  readonly carrier?: TaskCarrier;
}

export type TaskJob = Job<JobData, Encoded | Omitted | undefined>;

/** Reads a job as one of this package. Other programs can add jobs with any data or none: what doesn't fit is left out. */
export function asTaskJob(job: Job): TaskJob;
export function asTaskJob(job: Job | undefined): TaskJob | undefined;
export function asTaskJob(job: Job | undefined): TaskJob | undefined {
  if (job) {
    job.data = asJobData(job.data);
  }
  return job as TaskJob | undefined;
}

/** Reads the data of a job in the same way. Changes the given object in place; returns a new one if the value is no object. */
export function asJobData(data: unknown): JobData {
  const isObject = typeof data === 'object' && data !== null && !Array.isArray(data);
  const fitting = (isObject ? data : {}) as Record<string, unknown>;
  fitting.options = optionsOf(fitting.options);
  for (const [name, read] of readers) {
    if (fitting[name] !== undefined) {
      fitting[name] = read(fitting[name]);
      if (fitting[name] === undefined) {
        delete fitting[name];
      }
    }
  }
  return fitting as unknown as JobData;
}

function optionsOf(value: unknown): JobData['options'] {
  const { timeout } = (value ?? {}) as JobData['options'];
  return typeof timeout === 'number' && timeout > 0 && timeout <= MAX_TIMER ? { timeout } : {};
}

const listOf = (value: unknown) => (Array.isArray(value) ? (value as unknown[]) : undefined);
const numberOf = (value: unknown) => (Number.isFinite(value) ? value : undefined);

/** For each other field that is checked: the value if it fits, in part or as a whole. */
const readers: readonly (readonly [name: keyof JobData, read: (value: unknown) => unknown])[] = [
  ['previousAt', listOf],
  ['before', (value) => listOf(value)?.filter((id) => typeof id === 'string')],
  ['cancelledAt', numberOf],
  ['begun', (value) => (Number.isFinite((value as JobData['begun'] | null)?.at) ? value : undefined)],
  ['claimsAtCancel', numberOf],
  ['unknownSince', numberOf],
  ['route', (value) => (typeof value === 'string' ? value : undefined)],
  ['carrier', readCarrier],
];

/** A job in the form that BullMQ takes. */
export interface JobToAdd {
  readonly name: string;
  readonly queueName: string;
  readonly data: JobData;
  readonly opts: JobsOptions & { jobId: string };
  readonly children?: JobToAdd[];
}

/**
 * Turns a durable task, with the tasks before it, into a job.
 *
 * @throws TaskArgumentError if its arguments can't be serialized or are too large
 */
export function jobOf(task: DurableTask, options: BullMqTasksOptions): JobToAdd {
  const { id, name, queue, args, createdAt, route, previousAt, before } = task;
  const { delay, deduplication } = task.options;
  assertText(name, 'a queue', queue);
  assertText(name, 'a deduplication id', deduplication?.id);
  // Spreads in these literals would take longer than the rest of the function.
  const data: Writable<JobData> = dataOf(name, args, task.options, options);
  const opts: JobToAdd['opts'] = Object.assign(jobOptions(task.options, options), { jobId: id, timestamp: createdAt });
  const job: Writable<JobToAdd> = { name, queueName: queue, data, opts };
  if (before) {
    data.before = before.tasks.map((it) => it.id);
    job.children = before.tasks.map((it) => childOf(it, options));
    if (previousAt.length > 0) {
      data.previousAt = previousAt;
      data.isGroup = before.isGroup;
    }
  }
  if (route !== undefined) {
    data.route = acceptedText(route);
  }
  if (delay !== undefined) {
    // Postgres takes whole numbers only.
    opts.delay = Math.ceil(delay);
  }
  if (deduplication) {
    opts.deduplication = deduplication;
  }
  return job;
}

/** Adds what travels with the jobs to each of them, and to the jobs before them. */
export function withCarrier(jobs: readonly JobToAdd[], carrier: TaskCarrier | undefined): readonly JobToAdd[] {
  const carried = readCarrier(carrier);
  return carried ? jobs.map((job) => carrying(job, carried)) : jobs;
}

function carrying(job: JobToAdd, carrier: TaskCarrier): JobToAdd {
  const children = job.children?.map((it) => carrying(it, carrier));
  return { ...job, data: { ...job.data, carrier }, ...(children && { children }) };
}

/** A step before another one: when it fails, that one fails too. */
function childOf(task: DurableTask, options: BullMqTasksOptions): JobToAdd {
  const job = jobOf(task, options);
  return { ...job, opts: { ...job.opts, failParentOnFailure: true } };
}

/** @throws TaskArgumentError if the name can't be kept, or the arguments can't be serialized or are too large */
export function dataOf(
  name: string,
  args: readonly unknown[],
  { timeout }: TaskOptions,
  { maxSize }: BullMqTasksOptions,
): JobData {
  assertText(name, 'a name', name);
  return { args: encodeArguments(name, args, maxSize), options: timeout === undefined ? {} : { timeout } };
}

function assertText(name: string, what: string, text: string | undefined): void {
  if (text !== undefined && isRefused(text)) {
    throw new TaskArgumentError(textRefused(acceptedText(name), what));
  }
}

/** The job options that apply to tasks that are added and to tasks that repeat. */
export function jobOptions(
  { attempts = 1, backoff, priority }: TaskOptions,
  { keepCompleted }: BullMqTasksOptions,
): JobsOptions {
  const options: JobsOptions = {
    attempts,
    removeOnComplete: { count: keepCompleted },
    removeOnFail: { count: 10_000 },
  };
  if (backoff) {
    options.backoff = backoff;
  }
  if (priority !== undefined) {
    options.priority = priority;
  }
  return options;
}
