import { Injectable } from '@nestjs/common';
import type { Job, JobType } from 'bullmq';
import type { DurableFilter } from '../../durable/task-queue.ts';
import { isTaskId, type TaskRecord, type TaskStatus } from '../../task/model/task-record.ts';
import { recordOf } from '../jobs/job-record.ts';
import { asTaskJob, type TaskJob } from '../jobs/task-job.ts';
import { BullMqConnection } from '../store/bullmq-connection.ts';
import { BullMqQueues } from './bullmq-queues.ts';

/** The ids that BullMQ gives to repeating tasks. */
const REPEATED = /^repeat:[^\0]+:\d+$/;

const PENDING = ['prioritized', 'waiting', 'delayed', 'waiting-children'] as const;

/** For each status, BullMQ's states of jobs that can have it. */
const STATES = {
  pending: PENDING,
  running: ['active'],
  completed: ['completed'],
  failed: ['failed'],
  cancelled: ['failed', ...PENDING],
  skipped: [],
} as const satisfies { [status in TaskStatus]: readonly JobType[] };

const ALL_STATES = [...PENDING, ...STATES.running, ...STATES.completed, ...STATES.failed];

/** How many jobs `list` reads at once. */
const PAGE = 100;

/** Finds jobs, and reads the records of their tasks. */
@Injectable()
export class JobFinder {
  constructor(
    private readonly connection: BullMqConnection,
    private readonly queues: BullMqQueues,
  ) {}

  /** Finds a job in all queues. */
  async find(id: string): Promise<TaskJob | undefined> {
    // Another string could be one of BullMQ's own keys.
    if (!isTaskId(id) && !REPEATED.test(id)) {
      return undefined;
    }
    const jobs = await Promise.all(this.queues.all.map((queue) => queue.getJob(id)));
    return asTaskJob(jobs.find((job) => job));
  }

  /** @throws TaskQueueError */
  async record(id: string): Promise<TaskRecord | undefined> {
    const job = await this.connection.answered(this.find(id));
    return job && recordOf(job, await this.connection.answered(job.getState()));
  }

  /** @throws TaskQueueError; InvalidOptionError if no task names the queue */
  async list({ queue: queueName, status, name, limit }: DurableFilter): Promise<TaskRecord[]> {
    const queue = this.queues.get(queueName);
    const found: TaskRecord[] = [];
    for (const state of status ? STATES[status] : ALL_STATES) {
      const ofState: TaskRecord[] = [];
      for (let start = 0, isAll = false; !isAll && ofState.length < limit; start += PAGE) {
        const page = this.connection.answered(queue.getJobs(state, start, start + PAGE - 1));
        const jobs = (await page) as (Job | undefined)[];
        isAll = jobs.length < PAGE;
        // BullMQ reads the ids first: a job can be removed before it is read.
        const records = jobs.flatMap((job) => (job ? [recordOf(asTaskJob(job), state)] : []));
        ofState.push(...records.filter((it) => (!status || it.status === status) && (!name || it.name === name)));
      }
      found.push(...ofState);
    }
    return found.toSorted((a, b) => b.createdAt.localeCompare(a.createdAt)).slice(0, limit);
  }
}
