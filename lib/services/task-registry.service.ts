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
 * Selects the tasks of `TaskRegistry.list`.
 *
 * @since 0.1.0
 */
export interface TaskFilter {
  status?: TaskStatus;
  name?: string;
  /** Lists the durable tasks of this queue instead of the tasks of this process. */
  queue?: string;
  /** The largest number of records. @default 100 */
  limit?: number;
}

const filterRules: OptionRules<TaskFilter> = {
  status: oneOf('pending', 'running', 'completed', 'failed', 'cancelled', 'skipped'),
  name: nonEmptyString,
  queue: nonEmptyString,
  limit: either(integerFrom(1), Infinity),
};

/**
 * Finds tasks by id: all unsettled ones, and as many settled ones as the option `history` keeps. With the option `store`,
 * `get` finds the tasks of other processes too. A singleton.
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
   * Returns the record of a task; `undefined` if no task with this id is known, or it is no longer kept.
   *
   * @throws TaskStoreError if the record store fails, or takes more than 5 s
   * @throws TaskQueueError if the queue fails
   */
  async get(id: string): Promise<TaskRecord | undefined> {
    const task = this.engine.find(id);
    if (task || typeof id !== 'string') {
      return task?.toJSON();
    }
    // Others may use the same store: only ask it for keys that are ours.
    return (await this.queues.current?.find(id)) ?? (isTaskId(id) ? this.engine.findShared(id) : undefined);
  }

  /**
   * Lists the tasks of this process. With `queue`, lists the durable tasks of that queue, of all processes. The newest
   * comes first.
   *
   * @throws InvalidOptionError if the filter is wrong, or no task names the queue
   * @throws TaskQueueError if the queue fails
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
   * Cancels a task of this process, or a durable task in any process, like `cancel()` of its handle.
   *
   * @returns whether this call cancels the task
   * @throws TaskQueueError if the queue fails
   */
  async cancel(id: string): Promise<boolean> {
    return this.engine.find(id)?.cancel() || ((await this.queues.current?.cancel(id)) ?? false);
  }

  /**
   * Runs a durable task again that has failed or was cancelled, with all its attempts.
   *
   * @returns whether the task runs again: `false` if it is unknown, or neither failed nor cancelled
   * @throws TaskQueueError if the queue fails
   *
   * @example
   * const failed = await this.registry.list({ queue: 'mail', status: 'failed' });
   * await Promise.all(failed.map(({ id }) => this.registry.retry(id)));
   */
  async retry(id: string): Promise<boolean> {
    return (await this.queues.current?.retry(id)) ?? false;
  }
}
