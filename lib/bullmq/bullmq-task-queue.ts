import { setTimeout } from 'node:timers/promises';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { FlowProducer, JobType } from 'bullmq';
import { TaskQueueHost } from '../durable/task-queue-host.ts';
import type { DurableFilter, TaskQueue, DurableTask } from '../durable/task-queue.ts';
import { TaskQueueError } from '../errors/unavailable.errors.ts';
import type { TaskRecord, TaskStatus } from '../task/model/task-record.ts';
import { settlesWithin } from '../util/settles-within.ts';
import { BullMqTasksOptions } from './bullmq-tasks.options.ts';
import { notStoredInTime, storeFailedTo } from './bullmq.messages.ts';
import { recordOf } from './jobs/job-record.ts';
import { jobOf, type JobToAdd, type TaskJob } from './jobs/task-job.ts';
import { BullMqQueues } from './queues/bullmq-queues.ts';
import { BullMqSchedules } from './queues/bullmq-schedules.ts';
import { UnconfirmedJobs } from './queues/unconfirmed-jobs.ts';
import { BullMqConnection } from './store/bullmq-connection.ts';
import { BullMqWorkers } from './workers/bullmq-workers.ts';

/** ms between two looks at a task that somebody waits for: more each time. */
const FIRST_LOOK = 20;
const LAST_LOOK = 1_000;

const PENDING = ['prioritized', 'waiting', 'delayed', 'waiting-children'] as const;

/** Looks at one that was taken just when it was to be tried again. */
const TAKEN_LOOKS = 50;

/** In which of BullMQ's states there are tasks of a status. */
const STATES = {
  pending: PENDING,
  running: ['active'],
  completed: ['completed'],
  failed: ['failed'],
  cancelled: ['failed', ...PENDING],
  skipped: [],
} as const satisfies { [status in TaskStatus]: readonly JobType[] };

const ALL_STATES = [...PENDING, ...STATES.running, ...STATES.completed, ...STATES.failed];

/** How many are read at once to find those that are asked for. */
const PAGE = 100;

/** The queues of BullMQ as the core knows them. */
@Injectable()
export class BullMqTaskQueue implements TaskQueue, OnModuleInit {
  readonly #refused: UnconfirmedJobs;
  #flows?: FlowProducer;

  constructor(
    @Inject(BullMqTasksOptions) private readonly options: BullMqTasksOptions,
    private readonly connection: BullMqConnection,
    private readonly bullQueues: BullMqQueues,
    private readonly workers: BullMqWorkers,
    private readonly schedules: BullMqSchedules,
    queues: TaskQueueHost,
  ) {
    this.#refused = new UnconfirmedJobs(bullQueues);
    queues.register(this, options.onUnavailable);
  }

  async onModuleInit(): Promise<void> {
    this.schedules.check();
    await this.connection.open();
    this.#flows = this.connection.flows();
  }

  prepare(task: DurableTask): JobToAdd {
    return jobOf(task, this.options);
  }

  async store(jobs: readonly JobToAdd[]): Promise<readonly string[]> {
    try {
      return await this.#asked(this.#add(jobs));
    } catch (error) {
      // No error says for sure that nothing was stored, or won't be yet.
      this.#refused.add(jobs);
      throw error;
    }
  }

  async find(id: string): Promise<TaskRecord | undefined> {
    const found = await this.#asked(this.bullQueues.find(id));
    return found && recordOf(found, await this.#asked(found.getState()));
  }

  async list({ queue: queueName, status, name, limit }: DurableFilter): Promise<TaskRecord[]> {
    const queue = this.bullQueues.get(queueName);
    const found: TaskRecord[] = [];
    for (const state of status ? STATES[status] : ALL_STATES) {
      const ofState: TaskRecord[] = [];
      for (let start = 0, isAll = false; !isAll && ofState.length < limit; start += PAGE) {
        const jobs = (await this.#asked(queue.getJobs(state, start, start + PAGE - 1))) as (TaskJob | undefined)[];
        isAll = jobs.length < PAGE;
        // One can be gone since its id was read.
        const records = jobs.flatMap((job) => (job ? [recordOf(job, state)] : []));
        ofState.push(...records.filter((it) => (!status || it.status === status) && (!name || it.name === name)));
      }
      found.push(...ofState);
    }
    return found.toSorted((a, b) => b.createdAt.localeCompare(a.createdAt)).slice(0, limit);
  }

  async retry(id: string): Promise<boolean> {
    const job = await this.#asked(this.bullQueues.find(id));
    const state = await this.#asked(job?.getState() ?? Promise.resolve(undefined));
    if (!job || !(state === 'failed' || (job.data.cancelledAt !== undefined && state !== 'active'))) {
      return false;
    }
    // Which it then waits for.
    await Promise.all((job.data.before ?? []).map((before) => this.retry(before)));
    const { cancelledAt: _cancelledAt, ...data } = job.data;
    await this.#asked(job.updateData(data));
    return state === 'failed' ? this.#retryFailed(job) : this.#retryWaiting(job);
  }

  async settled(task: TaskRecord): Promise<TaskRecord> {
    for (let pause = FIRST_LOOK, last = task; ; pause = Math.min(LAST_LOOK, pause * 1.5)) {
      const record = await this.find(task.id).catch(() => last);
      if (!record) {
        // Of those that have come to their end, only completed ones are let go of so soon.
        return { ...last, status: 'completed' };
      }
      if (record.finishedAt) {
        return record;
      }
      last = record;
      await setTimeout(pause, undefined, { ref: false });
    }
  }

  async cancel(id: string): Promise<boolean> {
    const job = await this.#asked(this.bullQueues.find(id));
    if (!job || job.finishedOn) {
      return false;
    }
    const isFirst = job.data.cancelledAt === undefined;
    if (isFirst) {
      // So that whoever takes it, later or now, knows; and it is found as what it is.
      await this.#asked(job.updateData({ ...job.data, cancelledAt: Date.now() }));
      // Nobody who adds the same again is to get one that never runs.
      await (job.deduplicationId !== undefined && this.#asked(job.removeDeduplicationKey()));
    }
    const state = await this.#asked(job.getState());
    await Promise.all((job.data.before ?? []).map((before) => this.cancel(before)));
    if (state === 'active') {
      await this.#asked(this.workers.cancel(id));
      return true;
    }
    if (state === 'delayed') {
      // Begun meanwhile, it is known to be cancelled.
      await job.promote().catch(() => undefined);
    }
    return isFirst && state !== 'completed' && state !== 'failed';
  }

  cancelLater(id: string): void {
    void this.cancel(id).catch(() => false);
  }

  stopTaking(): void {
    this.workers.stopTaking();
  }

  async close(): Promise<void> {
    this.#refused.close();
    await this.connection.close();
  }

  async #add(jobs: readonly JobToAdd[]): Promise<readonly string[]> {
    const [{ queueName, name, data, opts }] = jobs as readonly [JobToAdd];
    const queue = this.bullQueues.of(queueName);
    if (jobs.every((job) => job.queueName === queueName && !job.children)) {
      // What is all or none by itself: a transaction around it would cost more than it does.
      if (jobs.length === 1) {
        const { id } = await queue.add(name, data, opts);
        return [id!];
      }
      if (this.connection.isBulkAtomic) {
        const added = await queue.addBulk([...jobs]);
        return added.map(({ id }) => id!);
      }
    }
    const nodes = await this.#flows!.addBulk([...jobs]);
    return nodes.map(({ job }) => job.id!);
  }

  /** One whose turn has not come since it was cancelled waits for it still, or was taken a moment ago as what it was. */
  async #retryWaiting(job: TaskJob): Promise<boolean> {
    for (let looks = 0; looks < TAKEN_LOOKS; looks++) {
      const state = await this.#asked(job.getState());
      if (state !== 'active') {
        return state !== 'failed' || this.#retryFailed(job);
      }
      await setTimeout(FIRST_LOOK);
    }
    // One that was taken as cancelled would have failed by now.
    return true;
  }

  /** @returns whether nobody else was faster */
  async #retryFailed(job: TaskJob): Promise<boolean> {
    try {
      await this.#asked(job.retry('failed', { resetAttemptsMade: true, resetAttemptsStarted: true }));
      return true;
    } catch (error) {
      if (/not in the failed state/.test((error as Error).message)) {
        return false;
      }
      throw error;
    }
  }

  /** @throws TaskQueueError in place of whatever the store says, or if it says nothing in time */
  async #asked<T>(answer: Promise<T>): Promise<T> {
    const { enqueueTimeout } = this.options;
    try {
      if (!(await settlesWithin(answer, enqueueTimeout))) {
        throw new Error(notStoredInTime(enqueueTimeout));
      }
      return await answer;
    } catch (cause) {
      answer.catch(() => undefined);
      throw new TaskQueueError(storeFailedTo((cause as Error).message), { cause });
    }
  }
}
