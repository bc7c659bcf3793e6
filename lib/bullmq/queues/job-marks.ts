import { Injectable } from '@nestjs/common';
import { asJobData, type JobData, type TaskJob } from '../jobs/task-job.ts';
import type { JobVersion } from '../store/job-statements.ts';
import { BullMqConnection } from '../store/bullmq-connection.ts';
import { BullMqQueues } from './bullmq-queues.ts';

/** Each failed try means that another caller was faster. */
const TRIES = 100;

/** Writes into a job's data. When several processes write at once, none of their changes is lost. */
@Injectable()
export class JobMarks {
  constructor(
    private readonly connection: BullMqConnection,
    private readonly queues: BullMqQueues,
  ) {}

  /** @returns whether this call marks the job as cancelled: false if it has settled, is gone, or is marked already */
  cancel(job: TaskJob): Promise<boolean> {
    return this.#change(job, (data, { claims, finishedOn }) =>
      finishedOn || data.cancelledAt !== undefined
        ? undefined
        : { ...data, cancelledAt: Date.now(), claimsAtCancel: claims },
    );
  }

  /** Removes all marks, so that the job can run again. @returns whether this call removes one */
  clear(job: TaskJob): Promise<boolean> {
    return this.#change(job, ({ cancelledAt, claimsAtCancel: _claims, unknownSince, begun, ...data }) =>
      cancelledAt === undefined && unknownSince === undefined && begun === undefined ? undefined : data,
    );
  }

  /** Notes when the function of the running attempt began, unless the worker has lost its claim. */
  begun(job: TaskJob, at: number): Promise<boolean> {
    const claim = job.attemptsStarted;
    return this.#change(job, (data, { claims, finishedOn }) =>
      finishedOn || claims !== claim ? undefined : { ...data, begun: { claim, at } },
    );
  }

  /** Notes that a worker does not know the task. @returns since when, in ms since the epoch */
  async unknown(job: TaskJob): Promise<number> {
    const { unknownSince = Date.now() } = job.data;
    await this.#change(job, (data) => (data.unknownSince === undefined ? { ...data, unknownSince } : undefined));
    return unknownSince;
  }

  /** @param change returns `undefined` if there is nothing to change */
  async #change(
    { id, queueName }: TaskJob,
    change: (data: JobData, version: JobVersion) => JobData | undefined,
  ): Promise<boolean> {
    const { connection } = this;
    const queue = this.queues.of(queueName);
    for (let tries = 0; tries < TRIES; tries++) {
      const version = await connection.answered(connection.statements.version(queue, id!));
      const changed = version && change(asJobData(JSON.parse(version.data)), version);
      if (!changed) {
        return false;
      }
      if (await connection.answered(connection.statements.replaceData(queue, id!, version, JSON.stringify(changed)))) {
        return true;
      }
    }
    return false;
  }
}
