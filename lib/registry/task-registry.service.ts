import { Injectable } from '@nestjs/common';
import { checkOptions, either, integerFrom, nonEmptyString, oneOf, type OptionRules } from '../task/option-rules.ts';
import { TaskQueues } from '../queue/task-queues.ts';
import { TaskLists } from '../runner/task-lists.ts';
import type { TaskRecord, TaskStatus } from '../task/task-record.ts';

/**
 * Which tasks `list` gives.
 *
 * @since 0.1.0
 */
export interface TaskFilter {
  status?: TaskStatus;
  name?: string;
  /** How many at the most. Default: 100. */
  limit?: number;
}

const filterRules: OptionRules<TaskFilter> = {
  status: oneOf('pending', 'running', 'completed', 'failed', 'cancelled', 'skipped'),
  name: nonEmptyString,
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
    private readonly lists: TaskLists,
    private readonly queues: TaskQueues,
  ) {}

  /**
   * @returns the task's record; `undefined` for one that is not known, or not any more
   * @throws TaskStoreError if there is a store and it fails, or takes more than 5 s
   */
  async get(id: string): Promise<TaskRecord | undefined> {
    const task = this.lists.find(id);
    if (task || !isTaskId(id)) {
      return task?.toJSON();
    }
    return (await this.queues.current?.find(id)) ?? this.lists.history.shared?.read(id);
  }

  /**
   * Tasks of this process, the newest first.
   *
   * @throws InvalidOptionError
   */
  async list(filter: TaskFilter = {}): Promise<TaskRecord[]> {
    const { status, name, limit = 100 } = checkOptions('list', filter, filterRules);
    const { tracker, history } = this.lists;
    return [...tracker.unsettled, ...history.settled]
      .filter((task) => (status === undefined || task.status === status) && (name === undefined || task.name === name))
      .toSorted((a, b) => b.sequence - a.sequence)
      .slice(0, limit)
      .map((task) => task.toJSON());
  }

  /**
   * Ends a task of this process, as `cancel()` of its handle does.
   *
   * @returns whether there was something to end
   */
  async cancel(id: string): Promise<boolean> {
    return this.lists.find(id)?.cancel() || (isTaskId(id) && ((await this.queues.current?.cancel(id)) ?? false));
  }
}

/** Anything else is no key for a store that others use too. */
function isTaskId(id: unknown): boolean {
  return typeof id === 'string' && /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/.test(id);
}
