import { Inject, Injectable, Logger } from '@nestjs/common';
import { AttemptRunner, type AttemptResult } from '../../durable/attempt-runner.ts';
import { type CatalogEntry, TaskCatalog } from '../../durable/task-catalog.ts';
import { BackgroundTasksError } from '../../errors/background-tasks.error.ts';
import { TaskCancelledError } from '../../errors/task.errors.ts';
import { TaskQueueError } from '../../errors/unavailable.errors.ts';
import { BullMqTasksOptions } from '../bullmq-tasks.options.ts';
import { unknownTaskName } from '../../durable/durable.messages.ts';
import { taskNotKnownHere, taskReleased } from '../bullmq.messages.ts';
import { argumentsOf, withResults } from '../jobs/job-arguments.ts';
import { encodeResult, type Encoded, isOmitted, type Omitted } from '../../durable/codec/value-codec.ts';
import { jobError } from '../jobs/job-error.ts';
import { readProgress } from '../jobs/job-progress.ts';
import { asTime, startOf } from '../jobs/job-record.ts';
import { type Begun, withBegun } from '../jobs/job-start.ts';
import type { JobData, TaskJob } from '../jobs/task-job.ts';
import { JobFinder } from '../queues/job-finder.ts';
import { JobMarks } from '../queues/job-marks.ts';
import { RunIds } from '../queues/run-ids.ts';
import { RolloutTimes } from '../queues/schedule-versions.ts';
import { BullMqConnection } from '../store/bullmq-connection.ts';
import { JobReports } from './job-reports.ts';
import { RunningJobs } from './running-jobs.ts';

/** ms after which a job that waits for others looks at them again. */
const LOOK_EVERY = 500;

/** The longest time, in ms, until a worker looks again at a job whose task is unknown. */
const MAX_PAUSE = 60_000;

/**
 * Runs one claimed job: reads its arguments, runs the attempt, and ends the job by BullMQ's rules. A returned value completes
 * the job, an `UnrecoverableError` fails it for good, and any other error fails the attempt. `WaitingError` and `DelayedError`
 * tell BullMQ that the job is in the queue again.
 */
@Injectable()
export class JobRunner {
  readonly #logger = new Logger('BackgroundTasks');
  /** The names that the log has warned of. */
  readonly #unknown = new Set<string>();
  readonly #onError = (error: unknown) => this.connection.warn(error);

  constructor(
    @Inject(BullMqTasksOptions) private readonly options: BullMqTasksOptions,
    private readonly connection: BullMqConnection,
    private readonly catalog: TaskCatalog,
    private readonly finder: JobFinder,
    private readonly marks: JobMarks,
    private readonly ids: RunIds,
    private readonly times: RolloutTimes,
    private readonly running: RunningJobs,
    private readonly attempts: AttemptRunner,
  ) {}

  /** @param token the worker's claim to the job */
  async run(job: TaskJob, token: string | undefined): Promise<Encoded | Omitted> {
    const entry = this.catalog.find(job.name);
    if (!entry) {
      return this.#leaveToOthers(job, token);
    }
    const own = this.#argumentsOf(job);
    const { before } = job.data;
    const args = before ? await this.#withResults(job, own, before) : own;
    if (!args) {
      return this.#waitForOthers(job, token);
    }
    const { result, begun } = await this.#attempt(job, entry, args);
    if (result.status === 'completed') {
      const encoded = this.#encoded(job, result.result);
      if (begun.startedAt) {
        encoded.startedAt = begun.startedAt;
      }
      return encoded;
    }
    if (result.status === 'released') {
      this.#logger.warn(taskReleased({ id: this.ids.of(job), name: job.name }));
      return this.release(job, token);
    }
    if (result.status === 'cancelled') {
      throw withBegun(this.#final(result.error, true), begun);
    }
    throw withBegun(result.isWorthAnother ? jobError(result.error) : this.#final(result.error), begun);
  }

  /** Puts a claimed job back into the queue. */
  async release(job: TaskJob, token: string | undefined): Promise<never> {
    await this.#written(job.moveToWait(token));
    throw new this.connection.waiting();
  }

  async #attempt(
    job: TaskJob,
    entry: CatalogEntry,
    args: readonly unknown[],
  ): Promise<{ result: AttemptResult; begun: Begun }> {
    const { data, timestamp, opts } = job;
    const reports = new JobReports(job, this.marks, this.#onError);
    const attempt = this.attempts.run({
      call: entry.call(args),
      restored: {
        id: this.ids.of(job),
        createdAt: asTime(timestamp),
        progress: readProgress(job.progress) || undefined,
        route: data.route,
        ...begunBefore(job),
      },
      options: { ...entry.definition.options, ...data.options, attempts: opts.attempts ?? 1 },
      carrier: data.carrier,
      isTraced: this.options.telemetry !== undefined,
      observer: reports,
    });
    const running = { job, task: attempt.task, reports };
    this.running.add(running);
    const result = await attempt.result;
    this.running.delete(running);
    const { writing } = reports;
    if (writing) {
      await writing;
    }
    const { attempts, startedAt } = attempt.task;
    return { result, begun: { attempts, startedAt: startedAt?.getTime() } };
  }

  #argumentsOf(job: TaskJob): readonly unknown[] {
    try {
      return argumentsOf(job);
    } catch (error) {
      throw error instanceof BackgroundTasksError ? this.#refused(job, error) : error;
    }
  }

  /** @returns `undefined` if the job has to wait: for a step before it, or for the server */
  async #withResults(
    job: TaskJob,
    args: readonly unknown[],
    before: readonly string[],
  ): Promise<readonly unknown[] | undefined> {
    try {
      return await withResults(job, args, before, (id) => this.finder.find(id));
    } catch (error) {
      if (error instanceof BackgroundTasksError) {
        throw this.#refused(job, error);
      }
      if (!this.connection.isNotNow(error)) {
        throw error;
      }
      this.connection.warn(error);
      return undefined;
    }
  }

  /** The task has done its work, so a result that can't be kept doesn't fail it. */
  #encoded({ id, name }: TaskJob, result: unknown): Encoded | Omitted {
    const encoded = encodeResult(name, result, this.options.maxSize);
    if (isOmitted(encoded)) {
      this.#logger.warn(`${encoded.omitted} (${id})`);
    }
    return encoded;
  }

  async #waitForOthers(job: TaskJob, token: string | undefined): Promise<never> {
    await this.#written(job.moveToDelayed(Date.now() + LOOK_EVERY, token));
    throw new this.connection.delayed();
  }

  /** During a rollout, other workers know tasks that this one doesn't. When no worker has known this one for long, it fails. */
  async #leaveToOthers(job: TaskJob, token: string | undefined): Promise<never> {
    const { name, queueName } = job;
    if ((job.data as JobData | null)?.cancelledAt !== undefined) {
      throw this.#refused(job, new TaskCancelledError(name, 'requested'));
    }
    const now = Date.now();
    const waited = now - (await this.marks.unknown(job));
    if (waited >= this.times.unknownFor) {
      throw this.#refused(job, new TaskQueueError(unknownTaskName(name, queueName)));
    }
    if (!this.#unknown.has(name)) {
      this.#unknown.add(name);
      this.#logger.warn(taskNotKnownHere(name, queueName));
    }
    const pause = Math.min(Math.max(waited, LOOK_EVERY), MAX_PAUSE, this.times.unknownFor - waited);
    await this.#written(job.moveToDelayed(now + pause, token));
    throw new this.connection.delayed();
  }

  /**
   * Waits until a job is in the queue again. On failure the job keeps its state: when its lock expires, another worker takes
   * it. To throw the failure would count as a failed attempt of the task.
   */
  async #written(moved: Promise<unknown>): Promise<void> {
    await moved.catch((error: unknown) => this.connection.warn(error));
  }

  /** Logs why the job fails. A cancellation is not logged: its caller knows of it. */
  #refused(job: TaskJob, reason: BackgroundTasksError): Error {
    if (reason instanceof TaskQueueError) {
      this.#logger.error(`${reason.message} (${this.ids.of(job)})`);
    }
    return withBegun(this.#final(reason, reason instanceof TaskCancelledError), begunBefore(job));
  }

  /** An error after which BullMQ does not retry the job, even if it has attempts left. */
  #final(thrown: unknown, isCancelled = false): Error {
    const { message, stack } = jobError(thrown, isCancelled);
    return Object.assign(new this.connection.unrecoverable(message), { stack });
  }
}

/** Which attempts had begun before this claim. */
function begunBefore(job: TaskJob): Begun {
  const { attemptsMade: attempts } = job;
  return { attempts, startedAt: attempts > 0 ? startOf(job) : undefined };
}
