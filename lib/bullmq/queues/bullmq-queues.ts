import { Injectable } from '@nestjs/common';
import type { Queue } from 'bullmq';
import { noSuchQueue } from '../../durable/durable.messages.ts';
import { TaskCatalog } from '../../durable/task-catalog.ts';
import { InvalidOptionError } from '../../errors/task.errors.ts';
import { isTaskId } from '../../task/model/task-record.ts';
import type { TaskJob } from '../jobs/task-job.ts';
import { BullMqConnection } from '../store/bullmq-connection.ts';

/** The ids that BullMQ gives to repeating tasks. */
const REPEATED = /^repeat:[^\0]+:\d+$/;

/**
 * BullMQ's own queues, one for each that a task names: for what is left to BullMQ, such as counts, pausing, a board. They are
 * there before the application has started, and closed with it.
 *
 * @example
 * const { waiting, failed } = await queues.get('mail').getJobCounts();
 *
 * @since 0.2.0
 */
@Injectable()
export class BullMqQueues {
  readonly #byName = new Map<string, Queue>();

  constructor(
    private readonly connection: BullMqConnection,
    private readonly definitions: TaskCatalog,
  ) {}

  /** @throws InvalidOptionError if no task of this application names it */
  get(name: string): Queue {
    const { queues } = this.definitions;
    if (!queues.includes(name)) {
      throw new InvalidOptionError(noSuchQueue(name, queues));
    }
    return this.of(name);
  }

  /** @internal also one of a task that was defined when the application had started */
  of(name: string): Queue {
    const queue = this.#byName.get(name) ?? this.connection.queue(name);
    this.#byName.set(name, queue);
    return queue;
  }

  /** @internal in whichever it is */
  async find(id: string): Promise<TaskJob | undefined> {
    // Others could be keys of BullMQ's own.
    if (!isTaskId(id) && !REPEATED.test(id)) {
      return undefined;
    }
    const jobs = await Promise.all(this.all.map((queue) => queue.getJob(id)));
    return jobs.find((job) => job) as TaskJob | undefined;
  }

  /** All of them. */
  get all(): readonly Queue[] {
    return this.definitions.queues.map((name) => this.of(name));
  }
}
