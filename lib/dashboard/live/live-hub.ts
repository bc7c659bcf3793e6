/*
 * Sends what changes to all pages that are open. States:
 *
 * - idle: no page is open. Nothing is collected, and no timer runs;
 * - open: the steps of all tasks are noted, each task once. The first change sets a timer for the next update, so there are at
 *   most five a second, and none while nothing changes. All pages get the same text, which is made once;
 * - closed: with the application. All streams end, because a server that closes waits for open responses.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { TaskMonitor } from '../../services/task-monitor.service.ts';
import { PACKAGE_VERSION } from '../../util/package-version.ts';
import { clearInterval, clearTimeout, now, setInterval, setTimeout } from '../../util/timers.ts';
import type { QueueStats } from '../../task/model/queue-stats.ts';
import type { Hello, Update } from '../dashboard.api.ts';
import { DashboardSettings } from '../dashboard.options.ts';
import { Overviews } from '../figures/overviews.ts';
import { ProcessGauges } from '../figures/process-gauges.ts';
import { QueueFigures, type QueuesNow } from '../figures/queue-figures.ts';
import { Throughput } from '../figures/throughput.ts';
import { tooManyPages } from '../dashboard.messages.ts';
import { answerJson, writeHead } from '../http/answer.ts';
import { ApiError } from '../http/api-error.ts';
import { type Exchange, hasLeft } from '../http/exchange.ts';
import { rowOfHandle } from '../tasks/task-rows.ts';
import { ChangedTasks } from './changed-tasks.ts';
import { LiveClient } from './live-client.ts';
import { MONITOR } from '../monitor.ts';

/** ms between two updates. */
const EVERY = 200;
const HEARTBEAT = 15_000;
/** ms between two looks at the queues. */
const LOOK_AT_QUEUES = 2_000;
/** ms without reading after which a client is cut off. */
const MAX_BLOCKED = 60_000;
/** ms after which a client has to connect again, so that the guards decide again. */
const MAX_AGE = 30 * 60_000;
/** ms until a browser connects again. */
const RETRY = 2_000;
/** How many pages can be open. Each is sent all that changes. */
export const MAX_CLIENTS = 100;
/** The most rows of one update. */
const MAX_ROWS = 200;

@Injectable()
export class LiveHub implements OnModuleInit {
  readonly #clients = new Set<LiveClient>();
  readonly #changed = new ChangedTasks(MAX_ROWS);
  readonly #startedAt = new Date().toISOString();
  readonly #process = `${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`;
  /** Stops collecting. Set while pages are open. */
  #stop: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #sentAt = -Infinity;
  #count = 0;
  #hasMore = false;
  #isClosed = false;
  /** What the pages know of the queues, without ages. */
  #queues = '';

  constructor(
    @Inject(DashboardSettings) private readonly settings: DashboardSettings,
    @Inject(MONITOR) private readonly monitor: TaskMonitor,
    private readonly overviews: Overviews,
    private readonly queues: QueueFigures,
    private readonly throughput: Throughput,
    private readonly gauges: ProcessGauges,
  ) {}

  onModuleInit(): void {
    this.throughput.onActivity = () => this.#schedule();
    this.monitor.closed.subscribe(() => this.#close());
  }

  /** How many pages are open. */
  get size(): number {
    return this.#clients.size;
  }

  /** How many of the open pages read too slowly. */
  get slow(): number {
    return [...this.#clients].filter(({ isBlocked }) => isBlocked).length;
  }

  async connect(exchange: Exchange, canAct: boolean): Promise<void> {
    const { request, response } = exchange;
    if (this.#clients.size >= MAX_CLIENTS && request.method !== 'HEAD') {
      // After an answer other than 200, browsers don't connect again by themselves. The page does, and waits longer each time.
      await answerJson(exchange, () => Promise.reject(new ApiError(503, 'TOO_MANY_PAGES', tooManyPages(MAX_CLIENTS))));
      return;
    }
    writeHead(exchange, 200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      // `no-transform` is for the package compression, and the other header for nginx: both programs would hold events back.
      'Cache-Control': 'no-store, no-transform',
      'X-Accel-Buffering': 'no',
    });
    if (this.#isClosed || hasLeft(exchange) || request.method === 'HEAD') {
      response.end();
      return;
    }
    const client = new LiveClient(response, () => this.#schedule());
    response.on('close', () => this.#left(client));
    // A connection that breaks emits `close` too.
    response.on('error', () => undefined);
    this.#clients.add(client);
    this.#open();
    const { title } = this.settings;
    const hello: Hello = {
      canAct,
      ...(title !== undefined && { title }),
      version: PACKAGE_VERSION,
      startedAt: this.#startedAt,
      process: this.#process,
    };
    client.send(`retry: ${RETRY}\nid: ${this.#count}\nevent: hello\ndata: ${JSON.stringify(hello)}\n\n`);
    await this.queues.read();
    if (!this.#clients.has(client)) {
      // It has left, or the application has closed.
      return;
    }
    // It is not known what has changed since the page loaded its lists.
    client.hasMissed = true;
    this.#sendTo([client], JSON.stringify(this.overviews.latest), []);
  }

  #open(): void {
    if (this.#stop) {
      return;
    }
    this.gauges.start();
    this.#queues = countsOf(this.queues.last);
    const endSteps = this.monitor.watchSteps((task) => {
      this.#changed.add(task);
      if (this.#timer === undefined) {
        this.#schedule();
      }
    });
    const heartbeat = setInterval(() => this.#beat(), HEARTBEAT).unref();
    const look = setInterval(() => void this.#lookAtQueues(), LOOK_AT_QUEUES).unref();
    this.#stop = () => {
      endSteps();
      clearInterval(heartbeat);
      clearInterval(look);
      this.gauges.stop();
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#changed.take();
      this.#hasMore = false;
    };
  }

  #left(client: LiveClient): void {
    this.#clients.delete(client);
    if (this.#clients.size === 0) {
      this.#stop?.();
      this.#stop = undefined;
    }
  }

  #close(): void {
    if (this.#clients.size > 0) {
      // Sends the tasks that settled while the application closed.
      this.#update();
    }
    this.#isClosed = true;
    this.#clients.forEach((client) => client.end());
    this.#clients.clear();
    this.#stop?.();
    this.#stop = undefined;
  }

  #schedule(): void {
    if (this.#clients.size > 0 && this.#timer === undefined) {
      const wait = Math.max(0, this.#sentAt + EVERY - now());
      this.#timer = setTimeout(() => this.#update(), wait).unref();
    }
  }

  #update(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#sentAt = now();
    const { tasks, hasMore } = this.#changed.take();
    if (hasMore || this.#hasMore) {
      this.#clients.forEach((client) => (client.hasMissed = true));
      this.#hasMore = false;
    }
    const ready = [...this.#clients].filter((client) => !client.isBlocked);
    for (const client of this.#clients) {
      client.hasMissed ||= client.isBlocked;
    }
    if (ready.length > 0) {
      this.#count++;
      this.#sendTo(ready, JSON.stringify(this.overviews.latest), tasks.toReversed().map(rowOfHandle));
    }
  }

  #sendTo(clients: readonly LiveClient[], overview: string, tasks: Update['tasks']): void {
    const start = `id: ${this.#count}\nevent: update\ndata: {"overview":${overview},"tasks":${JSON.stringify(tasks)},"more":`;
    for (const client of clients) {
      const text = `${start}${client.hasMissed}}\n\n`;
      client.hasMissed = false;
      client.send(text);
    }
  }

  #beat(): void {
    for (const client of this.#clients) {
      if (client.blockedFor > MAX_BLOCKED) {
        client.cut();
      } else if (now() - client.since > MAX_AGE) {
        client.end();
      } else if (!client.isBlocked) {
        client.send(': \n\n');
      }
    }
  }

  /** Other processes change the queues too. */
  async #lookAtQueues(): Promise<void> {
    const counts = countsOf(await this.queues.read());
    if (counts !== this.#queues) {
      this.#queues = counts;
      this.#hasMore = true;
      this.#schedule();
    }
  }
}

/** Without ages, which change all the time. */
function countsOf({ queues, queueError }: QueuesNow): string {
  const counts = queues.map(({ oldestAge: _oldest, failedAge: _failed, ...others }: QueueStats) => others);
  return JSON.stringify([counts, queueError]);
}
