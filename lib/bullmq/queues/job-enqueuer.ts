import { Injectable } from '@nestjs/common';
import type { FlowProducer } from 'bullmq';
import type { JobToAdd } from '../jobs/task-job.ts';
import { BullMqConnection } from '../store/bullmq-connection.ts';
import { BullMqQueues } from './bullmq-queues.ts';
import { UnconfirmedJobs } from './unconfirmed-jobs.ts';

/** Adds jobs to their queues, all or none. */
@Injectable()
export class JobEnqueuer {
  readonly #unconfirmed: UnconfirmedJobs;
  #flows?: FlowProducer;

  constructor(
    private readonly connection: BullMqConnection,
    private readonly queues: BullMqQueues,
  ) {
    this.#unconfirmed = new UnconfirmedJobs(connection, queues);
  }

  /**
   * @returns the ids of the jobs; for a duplicate, the id of the job that is in the queue already
   * @throws TaskQueueError
   */
  async enqueue(jobs: readonly JobToAdd[]): Promise<readonly string[]> {
    const { connection } = this;
    if (!connection.isReady) {
      // The `onModuleInit` of a feature module can add tasks before that of this module has run.
      await connection.answered(connection.ready);
    }
    try {
      return await connection.answered(this.#add(jobs));
    } catch (error) {
      // The server may have added the jobs nevertheless, or may still do so.
      this.#unconfirmed.add(jobs);
      throw error;
    }
  }

  close(): void {
    this.#unconfirmed.close();
  }

  async #add(jobs: readonly JobToAdd[]): Promise<readonly string[]> {
    const [{ queueName, name, data, opts, children }] = jobs as readonly [JobToAdd];
    // Both calls below add all or none, and cost less than a FlowProducer.
    if (jobs.length === 1 && !children) {
      const { id } = await this.queues.of(queueName).add(name, data, opts);
      return [id!];
    }
    if (jobs.every((job) => job.queueName === queueName && !job.children)) {
      const added = await this.queues.of(queueName).addBulk([...jobs]);
      return added.map(({ id }) => id!);
    }
    this.#flows ??= this.connection.flows();
    const nodes = await this.#flows.addBulk([...jobs]);
    return nodes.map(({ job }) => job.id!);
  }
}
