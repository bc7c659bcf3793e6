import { Injectable } from '@nestjs/common';
import { defer, finalize, Observable, ReplaySubject, share, takeUntil, throwError } from 'rxjs';
import type { DurableFilter } from '../durable/task-queue.ts';
import { TaskQueueHost } from '../durable/task-queue-host.ts';
import { TaskEngine } from '../engine/task-engine.ts';
import { TaskFilterError, TaskNotFoundError } from '../errors/request.errors.ts';
import { InvalidOptionError } from '../errors/task.errors.ts';
import { GuardedObservable } from '../observe/guarded-observable.ts';
import type { BackgroundTask } from '../task/handle/background-task.ts';
import { isTaskId, type TaskRecord, type TaskStatus, withoutRoute } from '../task/model/task-record.ts';
import {
  checkOptions,
  either,
  integerFrom,
  nonEmptyString,
  oneOf,
  type OptionRules,
} from '../validation/option-rules.ts';
import { EndsUnderway } from './ends-underway.ts';
import { FollowedTask } from './followed-task.ts';
import { newestFirst } from './known-tasks.ts';
import { taskNotFound, unknownQueue } from './services.messages.ts';

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
  /**
   * Limits the number of records.
   *
   * @default 100
   */
  limit?: number;
}

/** How many tasks `list` looks up in the queue at once. */
const PAGE = 100;

const filterRules: OptionRules<TaskFilter> = {
  status: oneOf('pending', 'running', 'completed', 'failed', 'cancelled', 'skipped'),
  name: nonEmptyString,
  queue: nonEmptyString,
  limit: either(integerFrom(1), Infinity),
};

/** @throws TaskFilterError */
function checkFilter(filter: TaskFilter): TaskFilter {
  try {
    return checkOptions('list', filter, filterRules);
  } catch (error) {
    throw error instanceof InvalidOptionError ? new TaskFilterError(error.message) : error;
  }
}

/**
 * Finds, follows, lists, cancels and retries tasks.
 *
 * It knows all unsettled tasks of this process, and as many settled ones as the option `history` keeps. It finds
 * durable tasks in any process. With the option `store`, `get` also finds the other tasks of other processes. A
 * singleton.
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
  /** By id: all who follow a task share what is known of it. */
  readonly #followed = new Map<string, Observable<TaskRecord>>();

  constructor(
    private readonly engine: TaskEngine,
    private readonly queues: TaskQueueHost,
    private readonly ends: EndsUnderway,
  ) {}

  /**
   * Returns the record of a task; `undefined` if the id is unknown, or the task is no longer kept.
   *
   * @throws TaskStoreError if the record store fails, or takes more than 5 s
   * @throws TaskQueueError if the queue fails
   */
  async get(id: string): Promise<TaskRecord | undefined> {
    const record = await this.find(id);
    return record && withoutRoute(record);
  }

  /** @internal as `get`, with the route of the request that added the task */
  async find(id: string): Promise<TaskRecord | undefined> {
    const task = this.engine.find(id);
    if (typeof id !== 'string') {
      return undefined;
    }
    return task ? this.#recordOf(task) : ((await this.queues.current?.find(id)) ?? this.#shared(id));
  }

  /**
   * Emits the record of a task now and at each change, and completes when the task has settled.
   *
   * The task can run in any process. The Observable completes early if the application closes.
   *
   * A task that runs in this process emits its steps at once. For others, the queue or the record store is read up to
   * twice a second, once for all who follow the same task. While it is unavailable, following goes on.
   *
   * Emits these errors:
   *
   * - TaskNotFoundError if no task with this id is known, or its record is no longer kept
   * - TaskQueueError, TaskStoreError if the first reading fails
   *
   * @example
   * @Sse(':id/events')
   * events(@Param('id') id: string) {
   *   return this.registry.follow(id).pipe(map((data) => ({ data })));
   * }
   */
  follow(id: string): Observable<TaskRecord> {
    const { engine } = this;
    const followed = defer(() =>
      typeof id === 'string'
        ? (this.#followed.get(id) ?? this.#follow(id))
        : throwError(() => new TaskNotFoundError(taskNotFound(id))),
    );
    return new GuardedObservable(followed.pipe(takeUntil(engine.closed)), (error) => engine.subscriberThrew(error));
  }

  /**
   * Lists the tasks of this process, and the durable tasks that it has added, newest first.
   *
   * With `queue`, it lists the durable tasks of that queue, of all processes.
   *
   * @throws TaskFilterError, an HTTP 400, if the filter is wrong, or no task names the queue
   * @throws TaskQueueError if the queue fails
   *
   * @example
   * await this.registry.list({ queue: 'mail', status: 'failed' });
   */
  async list(filter: TaskFilter = {}): Promise<TaskRecord[]> {
    return (await this.findAll(filter)).map(withoutRoute);
  }

  /** @internal as `list`, with the routes of the requests that added the tasks */
  async findAll(filter: TaskFilter): Promise<TaskRecord[]> {
    const { queue, status, name, limit = 100 } = checkFilter(filter);
    if (queue !== undefined) {
      return this.#listQueue({ queue, status, name, limit });
    }
    const found: TaskRecord[] = [];
    const tasks = newestFirst(this.engine.tasks).filter((task) => name === undefined || task.name === name);
    for (let start = 0; start < tasks.length && found.length < limit; start += PAGE) {
      const records = await Promise.all(tasks.slice(start, start + PAGE).map((task) => this.#recordOf(task)));
      found.push(...records.filter((it) => it !== undefined).filter((it) => !status || it.status === status));
    }
    return found.slice(0, limit);
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

  #follow(id: string): Observable<TaskRecord> {
    const { engine, queues, ends } = this;
    const sources = { engine, queues, ends, get: (taskId: string) => this.get(taskId) };
    const followed = new Observable<TaskRecord>((subscriber) => {
      const task = new FollowedTask(id, sources, subscriber);
      subscriber.add(() => task.stop());
      task.start();
    }).pipe(
      finalize(() => this.#followed.delete(id)),
      share({ connector: () => new ReplaySubject(1) }),
    );
    this.#followed.set(id, followed);
    return followed;
  }

  async #listQueue(filter: DurableFilter): Promise<TaskRecord[]> {
    const { current } = this.queues;
    if (!current) {
      throw new TaskFilterError(unknownQueue(filter.queue));
    }
    try {
      return await current.list(filter);
    } catch (error) {
      // Its message lists all queues, and a client gets to see the message of a 400.
      throw error instanceof InvalidOptionError
        ? new TaskFilterError(unknownQueue(filter.queue), { cause: error })
        : error;
    }
  }

  /** Reads the record of an enqueued task from its queue. If the queue has dropped the task, the last attempt here has one. */
  async #recordOf(task: BackgroundTask): Promise<TaskRecord | undefined> {
    const found = task.isEnqueued ? await this.queues.current?.find(task.id) : undefined;
    if (found || (task.isEnqueued && !task.isAttempt)) {
      return found;
    }
    const { route } = task;
    return { ...task.toJSON(), ...(route !== undefined && { route }) };
  }

  /** Other programs may keep values in the same store, so only ids of this package are looked up. */
  async #shared(id: string): Promise<TaskRecord | undefined> {
    return isTaskId(id) ? this.engine.findShared(id) : undefined;
  }
}
