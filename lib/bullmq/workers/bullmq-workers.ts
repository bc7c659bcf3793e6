import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import type { Worker } from 'bullmq';
import { unknownToWorker } from '../../durable/durable.messages.ts';
import { TaskCatalog } from '../../durable/task-catalog.ts';
import { TaskQueueHost } from '../../durable/task-queue-host.ts';
import type { DurableTask } from '../../durable/task-queue.ts';
import { InvalidOptionError } from '../../errors/task.errors.ts';
import { clearInterval, setInterval, sleep } from '../../util/timers.ts';
import { BullMqTasksOptions, type BullMqWorkerOptions } from '../bullmq-tasks.options.ts';
import { claimsFrom, queueOfNoTask } from '../bullmq.messages.ts';
import { asTaskJob, type TaskJob } from '../jobs/task-job.ts';
import { BullMqQueues } from '../queues/bullmq-queues.ts';
import { BullMqSchedules } from '../queues/bullmq-schedules.ts';
import { RolloutTimes } from '../queues/schedule-versions.ts';
import { BullMqConnection } from '../store/bullmq-connection.ts';
import { BullMqCancellations } from './bullmq-cancellations.ts';
import { JobRunner } from './job-runner.ts';
import { RunningJobs } from './running-jobs.ts';

/** ms between two looks for queues of modules that were loaded after the start. */
const LOOK_EVERY = 1_000;

/**
 * Polls the queues that this process claims jobs from, with one BullMQ worker for each.
 *
 * Waits for the server, then listens for cancellations, and then starts the workers. Once stopped, it claims nothing more.
 */
@Injectable()
export class BullMqWorkers implements OnApplicationBootstrap {
  readonly #logger = new Logger('BackgroundTasks');
  readonly #workers: Worker[] = [];
  /** The queues that this process claims jobs from. */
  readonly #claimed = new Set<string>();
  readonly #unknown = new Set<string>();
  #look?: NodeJS.Timeout;
  #isStopped = false;

  constructor(
    @Inject(BullMqTasksOptions) private readonly options: BullMqTasksOptions,
    private readonly connection: BullMqConnection,
    private readonly catalog: TaskCatalog,
    private readonly queues: BullMqQueues,
    private readonly schedules: BullMqSchedules,
    private readonly cancellations: BullMqCancellations,
    private readonly running: RunningJobs,
    private readonly runner: JobRunner,
    private readonly times: RolloutTimes,
    private readonly host: TaskQueueHost,
  ) {}

  // By now, Nest has created all providers that tasks can use.
  onApplicationBootstrap(): void {
    const { worker } = this.options;
    if (worker) {
      const { queues } = this.catalog;
      const unknown = worker.queues?.find((name) => !queues.includes(name));
      if (unknown !== undefined) {
        throw new InvalidOptionError(queueOfNoTask(unknown, queues));
      }
      if (this.host.isReplaced) {
        return;
      }
      const names = (worker.queues?.map((name) => this.queues.get(name)) ?? this.queues.all).map(({ name }) => name);
      names.forEach((name) => this.#claimed.add(name));
      this.#logger.log(claimsFrom(names));
      void this.#start(worker);
    }
  }

  /** Warns once of a task that is added here and would fail here, because this process doesn't know its name. */
  expect({ name, queue, before }: DurableTask): void {
    if (this.#claimed.has(queue) && !this.#unknown.has(name) && !this.catalog.find(name)) {
      this.#unknown.add(name);
      this.#logger.warn(unknownToWorker(name, queue));
    }
    before?.tasks.forEach((it) => this.expect(it));
  }

  /** Cancels a running task, in this process or another. */
  async cancel(taskId: string): Promise<void> {
    if (!this.running.cancel(taskId)) {
      await this.cancellations.publish(taskId);
    }
  }

  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#look);
    for (const worker of this.#workers) {
      worker.pause(true).catch((error: unknown) => this.connection.warn(error));
    }
  }

  async #start(options: Partial<BullMqWorkerOptions>): Promise<void> {
    await this.connection.keepTrying(() => this.connection.ready);
    // Before the first claim: from then on, another process may cancel the task.
    await this.cancellations.listen((id) => this.running.cancel(id));
    // `stop` may have been called while this method waited.
    if (this.#isStopped) {
      return;
    }
    for (const name of this.#claimed) {
      void this.#poll(name, options);
    }
    if (!options.queues) {
      this.#look = setInterval(() => this.#pollNew(options), LOOK_EVERY).unref();
    }
  }

  /** Nest can load modules after the start, and tells nobody. */
  #pollNew(options: Partial<BullMqWorkerOptions>): void {
    const names = this.catalog.queues.filter((name) => !this.#claimed.has(name));
    if (names.length > 0) {
      this.#logger.log(claimsFrom(names));
    }
    for (const name of names) {
      this.#claimed.add(name);
      void this.#poll(name, options);
    }
  }

  async #poll(queue: string, options: Partial<BullMqWorkerOptions>): Promise<void> {
    const { connection, schedules } = this;
    await connection.keepTrying(() => schedules.update(queue));
    if (!this.#isStopped) {
      const worker = connection.worker(queue, (job, token) => this.#process(asTaskJob(job), token), options);
      this.#workers.push(worker);
      void this.#keepSchedules(queue);
      await connection.keepTrying(() => worker.run());
    }
  }

  /** Another worker can remove or change a schedule, and a server can come back empty. */
  async #keepSchedules(queue: string): Promise<void> {
    for (;;) {
      await sleep(this.times.confirmEvery, undefined, { ref: false });
      if (this.#isStopped) {
        return;
      }
      await this.schedules.update(queue).catch((error: unknown) => this.connection.warn(error));
    }
  }

  /** A paused worker claims no more, but the answer to its last request can still bring a job. */
  #process(job: TaskJob, token: string | undefined) {
    return this.#isStopped ? this.runner.release(job, token) : this.runner.run(job, token);
  }
}
