import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import type { Worker } from 'bullmq';
import { AttemptRunner } from '../../durable/attempt-runner.ts';
import { TaskCatalog } from '../../durable/task-catalog.ts';
import { BackgroundTasksError } from '../../errors/background-tasks.error.ts';
import { TaskCancelledError } from '../../errors/task.errors.ts';
import { TaskQueueError } from '../../errors/unavailable.errors.ts';
import { BullMqTasksOptions, type BullMqWorkerOptions } from '../bullmq-tasks.options.ts';
import { givenBack, resultNotStorable, resultTooLarge, storedUnderUnknownName, takesFrom } from '../bullmq.messages.ts';
import { argumentsOf } from '../jobs/job-arguments.ts';
import { encode, type Stored } from '../jobs/job-codec.ts';
import { jobError } from '../jobs/job-error.ts';
import { JobProgress } from '../jobs/job-progress.ts';
import type { TaskJob } from '../jobs/task-job.ts';
import { BullMqQueues } from '../queues/bullmq-queues.ts';
import { BullMqSchedules } from '../queues/bullmq-schedules.ts';
import { BullMqConnection } from '../store/bullmq-connection.ts';
import { BullMqCancellations } from './bullmq-cancellations.ts';
import { RunningJobs } from './running-jobs.ts';

/** ms after which a task looks again whether those before it have completed. */
const WAIT = 500;

/** Takes jobs, and has the core run them. */
@Injectable()
export class BullMqWorkers implements OnApplicationBootstrap {
  readonly #logger = new Logger('BackgroundTasks');
  readonly #workers: Worker[] = [];
  readonly #running: RunningJobs;
  #isStopped = false;

  constructor(
    @Inject(BullMqTasksOptions) private readonly options: BullMqTasksOptions,
    private readonly connection: BullMqConnection,
    private readonly definitions: TaskCatalog,
    private readonly queues: BullMqQueues,
    private readonly cancellations: BullMqCancellations,
    private readonly schedules: BullMqSchedules,
    private readonly attempts: AttemptRunner,
  ) {
    this.#running = new RunningJobs(queues, (error) => connection.warn(error));
  }

  // Then all providers are there that tasks may want.
  onApplicationBootstrap(): void {
    const { worker } = this.options;
    if (worker) {
      const names = (worker.queues?.map((name) => this.queues.get(name)) ?? this.queues.all).map(({ name }) => name);
      this.#logger.log(takesFrom(names));
      void this.#takeFrom(names, worker);
    }
  }

  /** Ends what a process runs, whichever. */
  async cancel(taskId: string): Promise<void> {
    if (!this.#running.cancel(taskId)) {
      await this.cancellations.tell(taskId);
    }
  }

  stopTaking(): void {
    this.#isStopped = true;
    for (const worker of this.#workers) {
      void worker.pause(true);
    }
  }

  async #takeFrom(queues: readonly string[], options: Partial<BullMqWorkerOptions>): Promise<void> {
    await this.connection.keepTrying(() => this.connection.ready);
    // Before it takes anything that could be cancelled.
    await this.cancellations.listen((id) => this.#running.cancel(id));
    // Which it may have been told to while it waited.
    for (const name of this.#isStopped ? [] : queues) {
      void this.#take(name, options);
    }
  }

  async #take(queue: string, options: Partial<BullMqWorkerOptions>): Promise<void> {
    const { connection, schedules } = this;
    await connection.keepTrying(() => schedules.store(queue));
    if (!this.#isStopped) {
      const worker = connection.worker(queue, (job, token) => this.#run(job as TaskJob, token), options);
      this.#workers.push(worker);
      await connection.keepTrying(() => worker.run());
    }
  }

  async #run(job: TaskJob, token: string | undefined): Promise<Stored | undefined> {
    const { id, name, data, timestamp, attemptsMade, opts } = job;
    if (this.#isStopped) {
      // Asked for before, and come since: a worker that is paused asks for no other.
      return this.#giveBack(job, token);
    }
    const found = this.definitions.find(name);
    if (!found) {
      throw this.#refused(job, new TaskQueueError(storedUnderUnknownName(name, job.queueName)));
    }
    const args = await argumentsOf(job, (it) => this.queues.find(it)).catch((error: unknown) => {
      throw error instanceof BackgroundTasksError ? this.#refused(job, error) : error;
    });
    if (!args) {
      return this.#waitForOthers(job, token);
    }
    const progress = new JobProgress(job, (error) => this.connection.warn(error));
    const { task, result } = this.attempts.run({
      call: found.call(args),
      restored: { id: id!, createdAt: timestamp, attempts: attemptsMade },
      options: { ...found.definition.options, ...data.options, attempts: opts.attempts ?? 1 },
      observer: { progressed: (it) => progress.tell(it.progress!) },
    });
    this.#running.add(job, task);
    const end = await result;
    this.#running.delete(id!);
    await progress.told();
    if (end.status === 'completed') {
      return this.#resultOf(job, end.result);
    }
    if (end.status === 'given back') {
      this.#logger.warn(givenBack({ id: id!, name }));
      return this.#giveBack(job, token);
    }
    if (end.status === 'cancelled') {
      throw this.#final(end.error, true);
    }
    throw end.isWorthAnother ? jobError(end.error) : this.#final(end.error);
  }

  #resultOf(job: TaskJob, result: unknown): Stored | undefined {
    if (result === undefined) {
      return undefined;
    }
    const { maxSize } = this.options;
    const { stored, size } = this.#encoded(job, result);
    if (size > maxSize) {
      throw this.#refused(job, new TaskQueueError(resultTooLarge(job.name, size, maxSize)));
    }
    return stored;
  }

  #encoded(job: TaskJob, result: unknown): ReturnType<typeof encode> {
    try {
      return encode(result);
    } catch (error) {
      throw this.#refused(job, new TaskQueueError(resultNotStorable(job.name, (error as Error).message)));
    }
  }

  /** One that was not run says so in the log; one that was cancelled, whoever has done it knows. */
  #refused({ id }: TaskJob, reason: BackgroundTasksError): Error {
    if (reason instanceof TaskQueueError) {
      this.#logger.error(`${reason.message} (${id})`);
    }
    return this.#final(reason, reason instanceof TaskCancelledError);
  }

  async #giveBack(job: TaskJob, token: string | undefined): Promise<never> {
    await job.moveToWait(token);
    throw new this.connection.waiting();
  }

  async #waitForOthers(job: TaskJob, token: string | undefined): Promise<never> {
    await job.moveToDelayed(Date.now() + WAIT, token);
    throw new this.connection.delayed();
  }

  /** What is not tried again, whatever attempts there are left. */
  #final(thrown: unknown, isCancelled = false): Error {
    const { message, stack } = jobError(thrown, isCancelled);
    return Object.assign(new this.connection.unrecoverable(message), { stack });
  }
}
