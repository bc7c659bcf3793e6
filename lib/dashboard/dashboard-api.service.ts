import { Inject, Injectable } from '@nestjs/common';
import type { TaskQueue, TaskSchedule } from '../durable/task-queue.ts';
import type { TaskMonitor } from '../services/task-monitor.service.ts';
import { isTaskId } from '../task/model/task-record.ts';
import { nothingHere, queueCannot, taskUnknown, wrongParameter } from './dashboard.messages.ts';
import { Overviews } from './figures/overviews.ts';
import { answerJson } from './http/answer.ts';
import { ApiError } from './http/api-error.ts';
import { type Exchange, paramOf, viewOf } from './http/exchange.ts';
import { jsonBodyOf } from './http/json-body.ts';
import { MayAct } from './http/may-act.ts';
import { PageFiles } from './http/page-files.ts';
import { LiveHub } from './live/live-hub.ts';
import { TaskLists } from './tasks/task-lists.ts';
import { shownText } from './tasks/shown-text.ts';
import { readTaskQuery } from './tasks/task-query.ts';
import { MONITOR } from './monitor.ts';

/** How many tasks an action retries at once. */
const AT_ONCE = 20;

/** Answers the requests of the page. */
@Injectable()
export class DashboardApi {
  constructor(
    @Inject(MONITOR) private readonly monitor: TaskMonitor,
    private readonly files: PageFiles,
    private readonly overviews: Overviews,
    private readonly lists: TaskLists,
    private readonly hub: LiveHub,
    private readonly mayAct: MayAct,
  ) {}

  /** Every address of a view has the same page. */
  async page(exchange: Exchange): Promise<void> {
    const view = viewOf(exchange);
    if (view[0] === 'api' || view[0] === 'assets') {
      await this.nothing(exchange);
    } else {
      this.files.sendIndex(exchange, view.length);
    }
  }

  async asset(exchange: Exchange): Promise<void> {
    try {
      this.files.sendAsset(exchange);
    } catch (error) {
      await answerJson(exchange, () => Promise.reject(error));
    }
  }

  overview(exchange: Exchange): Promise<void> {
    return answerJson(exchange, () => this.overviews.read());
  }

  tasks(exchange: Exchange): Promise<void> {
    return answerJson(exchange, () => this.lists.list(readTaskQuery(exchange.query)));
  }

  task(exchange: Exchange): Promise<void> {
    return answerJson(exchange, () => this.lists.view(idOf(exchange)));
  }

  schedules(exchange: Exchange): Promise<void> {
    return answerJson(exchange, async () => {
      const schedules = (await this.monitor.queue?.schedules?.()) ?? [];
      return { schedules: schedules.map(withShownName) };
    });
  }

  async events(exchange: Exchange): Promise<void> {
    await this.hub.connect(exchange, await this.mayAct.ask(exchange));
  }

  cancel(exchange: Exchange): Promise<void> {
    return this.#act(exchange, async () => ({ done: await this.monitor.registry.cancel(idOf(exchange)) }));
  }

  retry(exchange: Exchange): Promise<void> {
    return this.#act(exchange, async () => ({ done: await this.monitor.registry.retry(idOf(exchange)) }));
  }

  retryAll(exchange: Exchange): Promise<void> {
    return this.#act(exchange, async () => {
      const body = await jsonBodyOf(exchange);
      const queue = textIn(body, 'queue');
      if (queue === undefined) {
        throw new ApiError(400, 'BAD_REQUEST', wrongParameter('queue', 'the name of a queue'));
      }
      const ids = await this.lists.failed(queue, textIn(body, 'name'), textIn(body, 'search')?.toLowerCase());
      const dry = exchange.query.get('dry');
      return dry === null || dry === '0' ? { retried: await this.#retryEach(ids) } : { matching: ids.length };
    });
  }

  pause(exchange: Exchange): Promise<void> {
    return this.#setPaused(exchange, true);
  }

  resume(exchange: Exchange): Promise<void> {
    return this.#setPaused(exchange, false);
  }

  nothing(exchange: Exchange): Promise<void> {
    return answerJson(exchange, () => {
      throw new ApiError(404, 'NOT_FOUND', nothingHere());
    });
  }

  #act(exchange: Exchange, action: () => Promise<unknown>): Promise<void> {
    return answerJson(exchange, async () => {
      await this.mayAct.assert(exchange);
      return action();
    });
  }

  #setPaused(exchange: Exchange, isPaused: boolean): Promise<void> {
    return this.#act(exchange, async () => {
      const queue: TaskQueue | undefined = this.monitor.queue;
      if (!queue?.pause || !queue.resume) {
        throw new ApiError(404, 'UNKNOWN_QUEUE', queueCannot(isPaused ? 'pause' : 'resume'));
      }
      const name = paramOf(exchange, 'queue');
      await (isPaused ? queue.pause(name) : queue.resume(name));
      return { isPaused };
    });
  }

  async #retryEach(ids: readonly string[]): Promise<number> {
    let retried = 0;
    for (let start = 0; start < ids.length; start += AT_ONCE) {
      const done = await Promise.all(ids.slice(start, start + AT_ONCE).map((id) => this.monitor.registry.retry(id)));
      retried += done.filter(Boolean).length;
    }
    return retried;
  }
}

function withShownName(schedule: TaskSchedule): TaskSchedule {
  return { ...schedule, name: shownText(schedule.name) };
}

/** @throws ApiError if the parameter is not the id of a task */
function idOf(exchange: Exchange): string {
  const id = paramOf(exchange, 'id');
  if (!isTaskId(id)) {
    throw new ApiError(404, 'NOT_FOUND', taskUnknown());
  }
  return id;
}

/** @throws ApiError */
function textIn(body: { readonly [name: string]: unknown }, name: string): string | undefined {
  const value = body[name];
  if (value !== undefined && value !== null && typeof value !== 'string') {
    throw new ApiError(400, 'BAD_REQUEST', wrongParameter(name, 'a string'));
  }
  return value || undefined;
}
