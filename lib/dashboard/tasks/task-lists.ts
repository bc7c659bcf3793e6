import { Inject, Injectable } from '@nestjs/common';
import { UnavailableError } from '../../errors/unavailable.errors.ts';
import type { TaskMonitor } from '../../services/task-monitor.service.ts';
import type { BackgroundTask } from '../../task/handle/background-task.ts';
import { isTaskId, type TaskRecord, type TaskStatus } from '../../task/model/task-record.ts';
import type { TaskPage, TaskRow, TaskView } from '../dashboard.api.ts';
import { taskUnknown } from '../dashboard.messages.ts';
import { QueueFigures } from '../figures/queue-figures.ts';
import { ApiError } from '../http/api-error.ts';
import { AttemptHistory } from './attempt-history.ts';
import { KeptArguments } from './kept-arguments.ts';
import { Redaction } from './redaction.ts';
import type { SameText } from './shown-text.ts';
import { sameAs, type TaskQuery, TextSearch } from './task-query.ts';
import { attemptsInView, detailsInView, rowOfHandle, rowOfQueued, rowOfShared } from './task-rows.ts';
import { MONITOR } from '../monitor.ts';

/** How many tasks are read for one answer: the newest ones of a queue, or the newest ones that this process has enqueued. */
const MAX_READ = 1_000;

/** How many tasks can be added to a queue while a user turns the pages of its list. */
const MAX_NEWER = 200;

/** How many failed tasks of a queue one action retries. */
const MAX_RETRIED = 10_000;

/** A search reads the arguments of this many tasks of a queue. Each takes a request to the server. */
const MAX_ARGUMENTS_READ = 500;

/** How many requests go to a queue at once. */
const PAGE = 100;

/** Finds the tasks that the page shows. It makes records of these tasks only: a history may have 100,000 tasks. */
@Injectable()
export class TaskLists {
  constructor(
    @Inject(MONITOR) private readonly monitor: TaskMonitor,
    private readonly redaction: Redaction,
    private readonly args: KeptArguments,
    private readonly attempts: AttemptHistory,
    private readonly figures: QueueFigures,
  ) {}

  async list(query: TaskQuery): Promise<TaskPage> {
    const { queue, before } = query;
    const page = await (queue === undefined ? this.#listHere(query) : this.#listQueue(query, queue));
    return before === undefined ? page : { ...page, before: new Date(before).toISOString() };
  }

  /** @throws ApiError if the task is unknown */
  async view(id: string): Promise<TaskView> {
    const handle = this.monitor.find(id);
    if (handle && !handle.isEnqueued && handle.queue === undefined) {
      return this.#viewOf(handle);
    }
    let [record, queueError]: [TaskRecord | undefined, string | undefined] = [undefined, undefined];
    try {
      record = await this.monitor.registry.find(id);
    } catch (error) {
      queueError = unavailable(error);
    }
    if (!record) {
      if (!handle) {
        throw queueError === undefined
          ? new ApiError(404, 'NOT_FOUND', taskUnknown())
          : new ApiError(503, 'UNAVAILABLE', queueError);
      }
      return {
        task: { ...rowOfHandle(handle), ...detailsInView(handle.toRecord()) },
        attempts: [],
        ...(queueError !== undefined && { queueError }),
      };
    }
    return record.queue === undefined ? this.#viewOfShared(record) : this.#viewOfQueued(record);
  }

  /**
   * Reads the ids of the failed tasks of a queue that match.
   *
   * @throws TaskFilterError if no task names the queue
   */
  async failed(queue: string, name: string | undefined, search: string | undefined): Promise<readonly string[]> {
    const records = await this.#ofQueue(queue, 'failed', sameAs(name), MAX_RETRIED);
    return (await this.#matching(records, search)).map(({ id }) => id).filter(isTaskId);
  }

  /** The newest tasks of a queue. The queue itself looks for a full name; a shortened name is compared here. */
  async #ofQueue(
    queue: string,
    status: TaskStatus | undefined,
    name: SameText | undefined,
    limit: number,
  ): Promise<readonly TaskRecord[]> {
    const inFull = name?.isShortened ? undefined : name?.wanted;
    const records = await this.monitor.registry.findAll({
      queue,
      ...(status !== undefined && { status }),
      ...(inFull !== undefined && { name: inFull }),
      limit,
    });
    return name ? records.filter((it) => name.is(it.name)) : records;
  }

  async #listHere(query: TaskQuery): Promise<TaskPage> {
    const { status, offset, limit } = query;
    const found = this.#handles(query);
    let queueError: string | undefined;
    const read = async (task: BackgroundTask) => {
      try {
        return await this.#rowOf(task);
      } catch (error) {
        queueError = unavailable(error);
        return rowOfHandle(task);
      }
    };
    const end = (total: number, tasks: TaskRow[]) => ({
      total,
      offset,
      tasks,
      ...(queueError !== undefined && { queueError }),
    });
    if (status === undefined || found.every((task) => !task.isEnqueued)) {
      const rows = await Promise.all(found.slice(offset, offset + limit).map(read));
      return end(found.length, rows);
    }
    // Only its queue knows the status of an enqueued task.
    const rows = new Map<BackgroundTask, TaskRow>();
    const enqueued = found.filter((task) => task.isEnqueued).slice(0, MAX_READ);
    for (let start = 0; start < enqueued.length; start += PAGE) {
      const page = enqueued.slice(start, start + PAGE);
      (await Promise.all(page.map(read))).forEach((row, i) => rows.set(page[i]!, row));
    }
    const matching = found.filter((task) => !task.isEnqueued || rows.get(task)?.status === status);
    const page = matching.slice(offset, offset + limit).map((task) => rows.get(task) ?? rowOfHandle(task));
    return end(matching.length, page);
  }

  /** Compares what handles have, without making records. */
  #handles({ search, status, name, route, before = Infinity }: TaskQuery): readonly BackgroundTask[] {
    const text = new TextSearch(search);
    return this.monitor.tasks.filter((task) => {
      if ((name && !name.is(task.name)) || task.createdTime > before) {
        return false;
      }
      if (status !== undefined && task.currentStatus !== status && !task.isEnqueued) {
        return false;
      }
      if (route === undefined && search === undefined) {
        return true;
      }
      const taskRoute = task.route;
      return (
        (route === undefined || route.is(taskRoute)) &&
        (text.matches(task.name, task.knownId, taskRoute) || this.#hasArgument(task, search!))
      );
    });
  }

  #hasArgument(task: BackgroundTask, search: string): boolean {
    const args = this.args.of(task);
    return args !== undefined && holds(this.redaction.arguments(task.toRecordWithRoute(), args), search);
  }

  async #rowOf(task: BackgroundTask): Promise<TaskRow> {
    const record = task.isEnqueued ? await this.monitor.queue?.find(task.id) : undefined;
    return record ? rowOfQueued(record) : rowOfHandle(task);
  }

  async #listQueue(query: TaskQuery, queue: string): Promise<TaskPage> {
    const { search, status, name, route, before = Infinity, offset, limit } = query;
    const isFiltered = search !== undefined || route !== undefined || name !== undefined || status !== undefined;
    const newer = query.before === undefined ? 1 : MAX_NEWER;
    const max = isFiltered ? MAX_READ : Math.min(MAX_READ, offset + limit + newer);
    const records = await this.#ofQueue(queue, status, name, max);
    const wanted = records.filter((it) => (!route || route.is(it.route)) && Date.parse(it.createdAt) <= before);
    const matching = await this.#matching(wanted, search);
    const total = isFiltered ? undefined : (await this.figures.read()).queues.find((it) => it.name === queue);
    return {
      total: total
        ? Math.max(records.length, total.pending + total.running + total.completed + total.failed)
        : matching.length,
      offset,
      tasks: matching.slice(offset, offset + limit).map(rowOfQueued),
    };
  }

  async #matching(records: readonly TaskRecord[], search: string | undefined): Promise<readonly TaskRecord[]> {
    if (search === undefined) {
      return records;
    }
    const text = new TextSearch(search);
    const matching = new Set(records.filter((it) => text.matches(it.name, it.id, it.route)));
    if (this.redaction.showsArguments) {
      const others = records.filter((it) => !matching.has(it)).slice(0, MAX_ARGUMENTS_READ);
      for (let start = 0; start < others.length; start += PAGE) {
        const page = others.slice(start, start + PAGE);
        const args = await Promise.all(page.map((it) => this.#argumentsOf(it)));
        page.filter((_it, i) => holds(args[i], search)).forEach((it) => matching.add(it));
      }
    }
    return records.filter((it) => matching.has(it));
  }

  async #argumentsOf(record: TaskRecord): Promise<unknown> {
    const args = (await this.monitor.queue?.details?.(record.id))?.args;
    return args && this.redaction.arguments(record, args);
  }

  #viewOf(task: BackgroundTask): TaskView {
    const record = task.toRecordWithRoute();
    const args = this.args.of(task);
    return {
      task: { ...rowOfHandle(task), ...detailsInView(record), ...this.#shownResult(record) },
      attempts: this.attempts.of(task),
      ...shown('arguments', args && this.redaction.arguments(record, args)),
    };
  }

  #viewOfShared(record: TaskRecord): TaskView {
    return {
      task: { ...rowOfShared(record), ...detailsInView(record), ...this.#shownResult(record) },
      attempts: [],
    };
  }

  async #viewOfQueued(record: TaskRecord): Promise<TaskView> {
    const details = await this.monitor.queue?.details?.(record.id);
    return {
      task: { ...rowOfQueued(record), ...detailsInView(record), ...this.#shownResult(record) },
      attempts: attemptsInView(details?.attempts),
      ...shown('arguments', details?.args && this.redaction.arguments(record, details.args)),
    };
  }

  #shownResult(record: TaskRecord): { result?: unknown } {
    return 'result' in record && this.redaction.showsResults
      ? shown('result', this.redaction.result(record, record.result))
      : {};
  }
}

function shown(key: string, value: unknown): object {
  return value === undefined ? {} : { [key]: value };
}

function holds(value: unknown, search: string): boolean {
  return value !== undefined && JSON.stringify(value).toLowerCase().includes(search);
}

/** @throws the error if it is not an `UnavailableError` */
function unavailable(error: unknown): string {
  if (error instanceof UnavailableError) {
    return error.message;
  }
  throw error;
}
