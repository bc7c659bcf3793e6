import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { FlowProducer } from 'bullmq';
import { setTimeout } from 'node:timers/promises';
import { TaskQueueError } from '../errors/task-queue.error.ts';
import { isInTime } from '../in-time.ts';
import { notStoredInTime, tasksRefused } from '../messages.ts';
import type { TaskQueue, TaskToStore } from '../queue/task-queue.ts';
import { TaskQueues } from '../queue/task-queues.ts';
import type { TaskRecord } from '../task/task-record.ts';
import { BullMqConnection } from './bullmq-connection.ts';
import { BullMqQueues } from './bullmq-queues.ts';
import { BullMqTasksOptions } from './bullmq-tasks.options.ts';
import { BullMqWorkers } from './bullmq-workers.ts';
import { jobOf, recordOf, type JobToAdd, type TaskJob } from './task-job.ts';

/** ms between two looks at a task that somebody waits for, and between tries to take back what may have been stored. */
const PAUSE = 200;
const MAX_TRIES = 300;

/** The queues of BullMQ as the core knows them. */
@Injectable()
export class BullMqTaskQueue implements TaskQueue, OnModuleInit {
  #flows?: FlowProducer;
  #isClosed = false;

  constructor(
    @Inject(BullMqTasksOptions) private readonly options: BullMqTasksOptions,
    private readonly connection: BullMqConnection,
    private readonly bullQueues: BullMqQueues,
    private readonly workers: BullMqWorkers,
    queues: TaskQueues,
  ) {
    queues.register(this, options.onUnavailable);
  }

  async onModuleInit(): Promise<void> {
    // A store that is away when the application starts doesn't keep it from starting.
    await isInTime(this.connection.ready, this.options.enqueueTimeout);
    this.#flows = this.connection.flows();
  }

  prepare(task: TaskToStore): JobToAdd {
    return jobOf(task, this.options);
  }

  async store(jobs: readonly JobToAdd[]): Promise<readonly string[]> {
    // Also of one queue: it is what stores all or none.
    const adding = this.#flows!.addBulk([...jobs]);
    const { enqueueTimeout } = this.options;
    try {
      if (!(await isInTime(adding, enqueueTimeout))) {
        throw new Error(notStoredInTime(enqueueTimeout));
      }
      const nodes = await adding;
      return nodes.map(({ job }) => job.id!);
    } catch (cause) {
      // No error says for sure that nothing was stored, or won't be yet.
      adding.catch(() => undefined);
      void this.#takeBack(jobs);
      throw new TaskQueueError(tasksRefused((cause as Error).message), { cause });
    }
  }

  async find(id: string): Promise<TaskRecord | undefined> {
    const found = await this.#find(id);
    return found && recordOf(found, await found.getState());
  }

  async settled(id: string): Promise<TaskRecord> {
    let last: TaskRecord | undefined;
    for (;;) {
      const record = await this.find(id).catch(() => last);
      if (record?.finishedAt) {
        return record;
      }
      if (!record && last) {
        return { ...last, status: 'cancelled' };
      }
      last = record;
      await setTimeout(PAUSE, undefined, { ref: false });
    }
  }

  async cancel(id: string): Promise<boolean> {
    const job = await this.#find(id);
    if (!job || job.finishedOn) {
      return false;
    }
    const isWaiting = await job.remove().then(
      () => true,
      () => false,
    );
    if (!isWaiting) {
      await this.workers.cancel(job.queueName, id);
    }
    return true;
  }

  cancelLater(id: string): void {
    void this.cancel(id).catch(() => false);
  }

  stopTaking(): void {
    this.workers.stopTaking();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.connection.close();
  }

  async #find(id: string): Promise<TaskJob | undefined> {
    try {
      const jobs = await Promise.all(
        this.bullQueues.all.map((queue) => queue.getJob(id) as Promise<TaskJob | undefined>),
      );
      return jobs.find((job) => job);
    } catch (cause) {
      throw new TaskQueueError(tasksRefused((cause as Error).message), { cause });
    }
  }

  /** Whoever was told that they are not stored is not to be surprised by them. */
  async #takeBack(jobs: readonly JobToAdd[]): Promise<void> {
    for (let tries = 0; tries < MAX_TRIES && !this.#isClosed; tries++) {
      const removed = await Promise.allSettled(
        jobs.map(({ queueName, opts }) => this.bullQueues.get(queueName).remove(opts.jobId)),
      );
      if (removed.every(({ status }) => status === 'fulfilled')) {
        return;
      }
      await setTimeout(PAUSE, undefined, { ref: false });
    }
  }
}
