import { Injectable } from '@nestjs/common';
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
  constructor(private readonly lists: TaskLists) {}

  /**
   * @returns the task's record; `undefined` for one that is not known, or not any more
   * @throws TaskStoreError if there is a store and it fails
   */
  async get(id: string): Promise<TaskRecord | undefined> {
    const { tracker, history } = this.lists;
    const task = tracker.find(id) ?? history.find(id);
    return task ? task.toJSON() : isTaskId(id) ? history.shared?.read(id) : undefined;
  }

  /** Tasks of this process, the newest first. */
  async list({ status, name, limit = 100 }: TaskFilter = {}): Promise<TaskRecord[]> {
    const { tracker, history } = this.lists;
    return [...tracker.unsettled, ...history.settled]
      .filter((task) => (status === undefined || task.status === status) && (name === undefined || task.name === name))
      .toSorted((a, b) => b.createdAt.getTime() - a.createdAt.getTime())
      .slice(0, limit)
      .map((task) => task.toJSON());
  }

  /**
   * Ends a task of this process, as `cancel()` of its handle does.
   *
   * @returns whether there was something to end
   */
  async cancel(id: string): Promise<boolean> {
    return this.lists.tracker.find(id)?.cancel() ?? false;
  }
}

/** Anything else is no key for a store that others use too. */
function isTaskId(id: string): boolean {
  return /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/.test(id);
}
