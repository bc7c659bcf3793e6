import { Injectable } from '@nestjs/common';
import type { Job, JobType, Queue } from 'bullmq';
import type { DurableFilter, TaskDetails } from '../../durable/task-queue.ts';
import { taskCancelled } from '../../errors/task.errors.ts';
import { isTaskId, plainRecord, type TaskRecord, type TaskStatus } from '../../task/model/task-record.ts';
import { failedStepOf } from '../jobs/failed-step.ts';
import { readArguments } from '../jobs/job-arguments.ts';
import { attemptsOf } from '../jobs/job-attempts.ts';
import { CANCELLED } from '../jobs/job-error.ts';
import { failureOf, isSameMoment, phaseOf, recordOf, resultOf, timeOf } from '../jobs/job-record.ts';
import { asTaskJob, type TaskJob } from '../jobs/task-job.ts';
import { BullMqConnection } from '../store/bullmq-connection.ts';
import { BullMqQueues } from './bullmq-queues.ts';
import { RunIds } from './run-ids.ts';

const PENDING = ['prioritized', 'waiting', 'delayed', 'waiting-children'] as const;

/** For each status, BullMQ's states of jobs that can have it. */
const STATES = {
  pending: [...PENDING, 'active'],
  running: ['active'],
  completed: ['completed'],
  failed: ['failed'],
  cancelled: ['failed', ...PENDING, 'active'],
  skipped: [],
} as const satisfies { [status in TaskStatus]: readonly JobType[] };

const ALL_STATES = [...PENDING, ...STATES.running, ...STATES.completed, ...STATES.failed];

/** How many records `list` reads at once. */
const PAGE = 100;

/** How often a job can change while its record is read. */
const LOOKS = 20;

/** Finds jobs, and reads the records of their tasks: each says what was true at one moment. */
@Injectable()
export class JobFinder {
  constructor(
    private readonly connection: BullMqConnection,
    private readonly queues: BullMqQueues,
    private readonly ids: RunIds,
  ) {}

  /** Finds a job in all queues. */
  async find(id: string): Promise<TaskJob | undefined> {
    // Another string could be one of BullMQ's own keys.
    if (!isTaskId(id)) {
      return undefined;
    }
    const queues = this.queues.opened;
    const jobs = await Promise.all(queues.map((queue) => queue.getJob(id)));
    const found = jobs.find((job) => job);
    const runs = found ? [] : await Promise.all(queues.map((queue) => this.#findRun(queue, id)));
    return asTaskJob(found ?? runs.find((run) => run));
  }

  /** @throws TaskQueueError */
  async record(id: string): Promise<TaskRecord | undefined> {
    return this.#recordOf(await this.connection.answered(this.find(id)));
  }

  /**
   * Reads the attempts and the arguments of a task.
   *
   * @throws TaskQueueError
   */
  async details(id: string): Promise<TaskDetails | undefined> {
    const job = await this.connection.answered(this.find(id));
    return job && { attempts: attemptsOf(job), args: argumentsIn(job) };
  }

  /**
   * Tells how a task settled if its queue no longer has it. Queues remove the oldest completed tasks, but keep their events
   * for longer. If no event tells, somebody removed the task before it settled.
   *
   * @param last the task's last record
   * @throws TaskQueueError
   */
  async recordOfGone(last: TaskRecord): Promise<TaskRecord> {
    const { connection, queues } = this;
    const queue = last.queue === undefined ? undefined : queues.of(last.queue);
    const id = queue && ((await connection.answered(this.ids.read(queue, last.id))) ?? last.id);
    const end = queue && (await connection.answered(connection.statements.endOf(queue, id!)));
    const { error: _error, ...known } = last;
    if (!end) {
      const error = { name: CANCELLED, message: taskCancelled(last.name, 'removed') };
      return { ...known, status: 'cancelled', finishedAt: new Date().toISOString(), error };
    }
    const isUnbegun = failedStepOf(end.failedReason) !== undefined;
    const attempts = Math.max(isUnbegun ? 0 : 1, last.attempts);
    const finished = { ...known, attempts, finishedAt: timeOf(end.at) };
    if (end.event === 'failed') {
      return { ...finished, ...failureOf(last.name, end.failedReason) };
    }
    const returned = parsed(end.returnvalue) as TaskJob['returnvalue'] | null;
    const startedAt = returned?.startedAt && { startedAt: timeOf(returned.startedAt) };
    return plainRecord({ ...finished, ...startedAt, status: 'completed', ...resultOf(last.name, returned) });
  }

  /** @throws TaskQueueError; InvalidOptionError if no task names the queue */
  async list({ queue: queueName, status, name, limit }: DurableFilter): Promise<TaskRecord[]> {
    const queue = this.queues.get(queueName);
    const states = status ? STATES[status] : ALL_STATES;
    // A job in one of BullMQ's states can have another status.
    const count = status ? Infinity : limit;
    const ids = await this.connection.answered(this.connection.statements.newestIds(queue, states, name, count));
    const found: TaskRecord[] = [];
    for (let start = 0; start < ids.length && found.length < limit; start += PAGE) {
      const page = ids.slice(start, start + PAGE).map((id) => this.#listed(queue, id));
      const records = (await Promise.all(page)).filter((it) => it !== undefined);
      found.push(...records.filter((it) => !status || it.status === status));
    }
    return found.slice(0, limit);
  }

  /** @returns `undefined` also for a job whose fields another program wrote in a form that BullMQ can't read */
  async #listed(queue: Queue, id: string): Promise<TaskRecord | undefined> {
    try {
      return await this.#recordOf(asTaskJob(await this.connection.answered(queue.getJob(id))));
    } catch (error) {
      // By their names, because the cause is only a copy of the server's or driver's error, without its details.
      const cause = (error as Error).cause as Error | undefined;
      if (cause?.name === 'SyntaxError' || cause?.name === 'TypeError') {
        return undefined;
      }
      throw error;
    }
  }

  /**
   * A job's own fields say its status, unless a worker has claimed it. Then the job's state decides. It counts only if the job
   * is the same before and after the state was read.
   */
  async #recordOf(found: TaskJob | undefined): Promise<TaskRecord | undefined> {
    const { connection, queues } = this;
    let job = found;
    for (let looks = 0; job && phaseOf(job) === 'claimed' && looks < LOOKS; looks++) {
      const state = await connection.answered(job.getState());
      const again = asTaskJob(await connection.answered(queues.of(job.queueName).getJob(job.id!)));
      if (again && isSameMoment(job, again)) {
        return this.#read(again, state === 'active');
      }
      job = again;
    }
    return job && this.#read(job, true);
  }

  async #read(job: TaskJob, isActive: boolean): Promise<TaskRecord> {
    if (job.repeatJobKey !== undefined) {
      await this.ids.load(job.queueName);
    }
    return { ...recordOf(job, isActive), id: this.ids.of(job) };
  }

  async #findRun(queue: Queue, id: string): Promise<Job | undefined> {
    const runId = await this.ids.read(queue, id);
    return runId === undefined ? undefined : queue.getJob(runId);
  }
}

/** @returns `undefined` if another program wrote them in another form */
function argumentsIn({ name, queueName, data }: TaskJob): readonly unknown[] | undefined {
  try {
    return readArguments(name, queueName, data.args);
  } catch {
    return undefined;
  }
}

/** Reads the JSON of a result. What another program wrote stays text. */
function parsed(json: string | undefined): unknown {
  try {
    return JSON.parse(json || 'null');
  } catch {
    return json;
  }
}
