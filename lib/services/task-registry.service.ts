import { Injectable } from '@nestjs/common';
import { noSuchQueue } from '../durable/durable.messages.ts';
import { TaskQueueHost } from '../durable/task-queue-host.ts';
import { TaskEngine } from '../engine/task-engine.ts';
import { InvalidOptionError } from '../errors/task.errors.ts';
import { isTaskId, type TaskRecord, type TaskStatus } from '../task/model/task-record.ts';
import {
  checkOptions,
  either,
  integerFrom,
  nonEmptyString,
  oneOf,
  type OptionRules,
} from '../validation/option-rules.ts';

/**
 * Which tasks `list` gives.
 *
 * @since 0.1.0
 */
export interface TaskFilter {
  status?: TaskStatus;
  name?: string;
  /** Those that are stored in this queue, in place of those of this process. */
  queue?: string;
  /** How many at the most. Default: 100. */
  limit?: number;
}

const filterRules: OptionRules<TaskFilter> = {
  status: oneOf('pending', 'running', 'completed', 'failed', 'cancelled', 'skipped'),
  name: nonEmptyString,
  queue: nonEmptyString,
  limit: either(integerFrom(1), Infinity),
};

/**
 * What is known about tasks: those that have not come to their end, and of the others as many as the option `history`
 * lets it keep. With the option `store`, `get` finds those of other processes too. A singleton.
 *
 * @example
 * @Get(':id')
 * async status(@Param('id') id: string) {
 *   const record = await this.registry.get(id);
 *   if (!record) {
 *     throw new NotFoundException();
 *   }
 *   return record;
 * }
 *
 * @since 0.1.0
 */
@Injectable()
export class TaskRegistry {
  constructor(
    private readonly engine: TaskEngine,
    private readonly queues: TaskQueueHost,
  ) {}

  /**
   * @returns the task's record; `undefined` for one that is not known, or not any more
   * @throws TaskStoreError if there is a store and it fails, or takes more than 5 s
   */
  async get(id: string): Promise<TaskRecord | undefined> {
    const task = this.engine.find(id);
    if (task || typeof id !== 'string') {
      return task?.toJSON();
    }
    // Anything else is no key for a store that others use too.
    return (await this.queues.current?.find(id)) ?? (isTaskId(id) ? this.engine.findShared(id) : undefined);
  }

  /**
   * Tasks of this process, or, by `queue`, those that are stored in a queue, whichever process has added or run them. The
   * newest first.
   *
   * @throws InvalidOptionError; TaskQueueError if the queue's store fails
   *
   * @example
   * await this.registry.list({ queue: 'mail', status: 'failed' });
   */
  async list(filter: TaskFilter = {}): Promise<TaskRecord[]> {
    const { queue, status, name, limit = 100 } = checkOptions('list', filter, filterRules);
    if (queue !== undefined) {
      if (!this.queues.current) {
        throw new InvalidOptionError(noSuchQueue(queue, []));
      }
      return this.queues.current.list({ queue, status, name, limit });
    }
    return this.engine.tasks
      .filter((task) => (status === undefined || task.status === status) && (name === undefined || task.name === name))
      .toSorted((a, b) => b.sequence - a.sequence)
      .slice(0, limit)
      .map((task) => task.toJSON());
  }

  /**
   * Ends a task of this process, or a stored one wherever it is, as `cancel()` of its handle does.
   *
   * @returns whether there was something to end
   * @throws TaskQueueError if the store of queues fails
   */
  async cancel(id: string): Promise<boolean> {
    return this.engine.find(id)?.cancel() || ((await this.queues.current?.cancel(id)) ?? false);
  }

  /**
   * Has a stored task that has failed, or was cancelled, run again, with all its attempts.
   *
   * @returns whether it is one that has
   * @throws TaskQueueError if the store of queues fails
   *
   * @example
   * const failed = await this.registry.list({ queue: 'mail', status: 'failed' });
   * await Promise.all(failed.map(({ id }) => this.registry.retry(id)));
   */
  async retry(id: string): Promise<boolean> {
    return (await this.queues.current?.retry(id)) ?? false;
  }
}
