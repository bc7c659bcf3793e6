import { Injectable } from '@nestjs/common';
import type { Queue } from 'bullmq';
import { TaskCatalog } from '../../durable/task-catalog.ts';
import type { QueueStats } from '../../task/model/queue-stats.ts';
import { CANCELLED } from '../jobs/job-error.ts';
import { BullMqConnection } from '../store/bullmq-connection.ts';

/**
 * Gives access to BullMQ's own queues: for counts, pausing, a board.
 *
 * There is one queue for each name that tasks use. They exist before the application has started, and close with it.
 *
 * @example
 * const { waiting, failed } = await queues.get('mail').getJobCounts();
 *
 * @since 0.1.0
 */
@Injectable()
export class BullMqQueues {
  readonly #byName = new Map<string, Queue>();
  /**
   * The request for counts that the server has not answered in time. Meanwhile, no other is sent.
   *
   * A page asks every two seconds. Without this limit, a server that comes back after an hour would get 1,800 requests
   * at once.
   */
  #late: Promise<unknown> | undefined;
  // Private at run time too: applications inject this class and may log it, and all modules with their options are behind it.
  readonly #connection: BullMqConnection;
  readonly #catalog: TaskCatalog;

  constructor(connection: BullMqConnection, catalog: TaskCatalog) {
    this.#connection = connection;
    this.#catalog = catalog;
  }

  /** @throws InvalidOptionError if no task of this application names the queue */
  get(name: string): Queue {
    this.#catalog.assertQueue(name);
    return this.of(name);
  }

  /** @internal without the check: the catalog misses tasks that were defined after the application had started */
  of(name: string): Queue {
    let queue = this.#byName.get(name);
    if (!queue) {
      this.#byName.set(name, (queue = this.#connection.queue(name)));
    }
    return queue;
  }

  /** Lists the queues that tasks of this application name. */
  get all(): readonly Queue[] {
    return this.#catalog.queues.map((name) => this.of(name));
  }

  /**
   * Counts the tasks of all queues that tasks of this application name.
   *
   * It sends one request to the server.
   *
   * @throws TaskQueueError if the server fails, or doesn't answer within `enqueueTimeout`
   *
   * @example
   * const [mail] = await queues.queueStats();
   * mail.oldestAge; // ms
   */
  async queueStats(): Promise<QueueStats[]> {
    const queues = this.all;
    if (queues.length === 0) {
      return [];
    }
    await (this.#late && this.#connection.answered(this.#late));
    const answer = this.#connection.queueStats(queues, CANCELLED);
    let isOver = false;
    const over = () => {
      isOver = true;
      if (this.#late === late) {
        this.#late = undefined;
      }
    };
    const late: Promise<void> = answer.then(over, over);
    try {
      return await this.#connection.answered(answer);
    } finally {
      if (!isOver) {
        this.#late = late;
      }
    }
  }

  /** @internal also those of tasks that were defined after the application had started */
  get opened(): readonly Queue[] {
    return [...new Set([...this.all, ...this.#byName.values()])];
  }
}
