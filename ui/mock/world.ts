/**
 * A shop's tasks, made up: 100,000 in the history, and what happens to them. The same seed makes the same tasks. Nothing
 * happens by itself: `step` moves tasks on, and tests change single ones.
 */
import type {
  AttemptRecord,
  EventLoopBlock,
  Overview,
  Percentiles,
  QueueStats,
  TaskSchedule,
  Series,
  TaskView,
  TaskError,
  TaskFigures,
  TaskRow,
  TaskStatus,
} from '../src/api/wire.ts';
import { kinds, type Kind } from './kinds.ts';
import { randomFrom, type Random } from './random.ts';

const SERIES = 301;
const SETTLED = ['completed', 'failed', 'cancelled', 'skipped'] as const;
const byStatus = (): Record<TaskStatus, number> => ({
  pending: 0,
  running: 0,
  completed: 0,
  failed: 0,
  cancelled: 0,
  skipped: 0,
});

export interface WorldOptions {
  /** @default 100_000 */
  tasks?: number;
  seed?: number;
  showsArguments?: boolean;
}

interface Figures extends Omit<TaskFigures, 'wait' | 'run'> {
  wait: number[];
  run: number[];
}

export class World {
  readonly startedAt = new Date(Date.now() - 6.4 * 3_600_000).toISOString();
  /** The oldest first. */
  readonly tasks: TaskRow[] = [];
  readonly schedules: TaskSchedule[] = [];
  readonly paused = new Set<string>();
  readonly blocked: EventLoopBlock[] = [];
  queueError: string | undefined;
  readonly #byId = new Map<string, TaskRow>();
  readonly #kinds = new Map(kinds.map((it) => [it.name, it]));
  readonly #figures = new Map<string, Figures>();
  readonly #changed = new Set<string>();
  readonly #counts = byStatus();
  readonly #random: Random;
  readonly #showsArguments: boolean;
  /** When running tasks end, by id. */
  readonly #ends = new Map<string, { at: number; from: number; status: TaskStatus }>();
  readonly #series = { completed: [] as number[], failed: [] as number[], added: [] as number[] };

  constructor({ tasks = 100_000, seed = 7, showsArguments = true }: WorldOptions = {}) {
    this.#random = randomFrom(seed);
    this.#showsArguments = showsArguments;
    if (tasks > 0) {
      this.#makeHistory(tasks);
      this.#makeRunning();
      this.#makeWaiting();
      this.#makeSchedules();
      this.tasks.sort((a, b) => a.createdAt.localeCompare(b.createdAt));
    }
    this.#makeSeries(tasks > 0);
    this.#changed.clear();
  }

  get(id: string): TaskRow | undefined {
    return this.#byId.get(id);
  }

  /** Adds a task; what isn't given is that of a simple pending one. */
  add(given: Partial<TaskRow> & { name: string }): TaskRow {
    const kind = this.#kinds.get(given.name);
    const task: TaskRow = {
      id: this.#random.id(),
      status: 'pending',
      attempts: 0,
      createdAt: new Date().toISOString(),
      target: kind?.target ?? 'event-loop',
      ...(kind?.queue && { queue: kind.queue }),
      ...(kind?.route && { route: kind.route }),
      canCancel: true,
      canRetry: false,
      ...given,
    };
    this.#put(task);
    return task;
  }

  /** Changes a task. */
  change(id: string, changes: Partial<TaskRow>): TaskRow {
    const task = this.#byId.get(id);
    if (task === undefined) {
      throw new Error(`There is no task ${id}`);
    }
    this.#counts[task.status]--;
    Object.assign(task, changes);
    this.#counts[task.status]++;
    task.canCancel = task.status === 'pending' || task.status === 'running';
    task.canRetry = task.status === 'failed';
    this.#changed.add(id);
    return task;
  }

  settle(id: string, status: (typeof SETTLED)[number], error?: TaskError): TaskRow {
    this.#ends.delete(id);
    const task = this.change(id, { status, finishedAt: new Date().toISOString(), ...(error && { error }) });
    this.#count(task);
    return task;
  }

  /** Runs a failed task again. */
  retry(id: string): boolean {
    const task = this.#byId.get(id);
    if (task?.status !== 'failed') {
      return false;
    }
    this.change(id, { status: 'pending', finishedAt: undefined, error: undefined });
    return true;
  }

  cancel(id: string): boolean {
    const task = this.#byId.get(id);
    if (task === undefined || !task.canCancel) {
      return false;
    }
    this.settle(id, 'cancelled', { name: 'TaskCancelledError', message: 'Cancelled from the dashboard' });
    return true;
  }

  /** The tasks that changed since this was last called, the newest first. */
  takeChanged(limit: number): { tasks: TaskRow[]; more: boolean } {
    const all = [...this.#changed].toReversed();
    this.#changed.clear();
    return { tasks: all.slice(0, limit).map((id) => this.#byId.get(id)!), more: all.length > limit };
  }

  find(wanted: (task: TaskRow) => boolean, offset: number, limit: number): { total: number; tasks: TaskRow[] } {
    const tasks: TaskRow[] = [];
    let total = 0;
    for (let index = this.tasks.length - 1; index >= 0; index--) {
      const task = this.tasks[index]!;
      if (wanted(task)) {
        if (total >= offset && tasks.length < limit) {
          tasks.push(task);
        }
        total++;
      }
    }
    return { total, tasks };
  }

  details(id: string): TaskView | undefined {
    const task = this.#byId.get(id);
    if (task === undefined) {
      return undefined;
    }
    const random = randomFrom(Number.parseInt(id.slice(0, 8), 16));
    const kind = this.#kinds.get(task.name);
    return {
      task: task.status === 'completed' && task.name === 'renderInvoice' ? { ...task, result: { pages: 2 } } : task,
      attempts: this.#attemptsOf(task),
      ...(this.#showsArguments && { arguments: kind?.arguments(random) ?? [] }),
    };
  }

  overview(): Overview {
    const random = this.#random;
    const threads = [...this.#ends.keys()].filter((id) => this.#byId.get(id)?.target === 'thread').length;
    return {
      now: new Date().toISOString(),
      stats: {
        ...this.#counts,
        delayed: Math.min(3, this.#counts.pending),
        refused: 0,
        threads: {
          alive: this.tasks.length > 0 ? 4 : 0,
          busy: Math.min(4, threads),
          waiting: Math.max(0, threads - 4),
        },
        byName: Object.fromEntries([...this.#figures].map(([name, it]) => [name, figuresOf(it)])),
      },
      queues: this.#queues(),
      ...(this.queueError !== undefined && { queueError: this.queueError }),
      process: {
        eventLoopDelay: { p50: random.between(1.05, 1.2), p99: random.between(3.1, 4.6), max: 61.4 },
        eventLoopUtilization: random.between(0.31, 0.37),
        heapUsed: random.between(141, 156) * 1024 * 1024,
        heapLimit: 2096 * 1024 * 1024,
        rss: random.between(286, 289) * 1024 * 1024,
        uptime: (Date.now() - Date.parse(this.startedAt)) / 1000,
      },
      blocked: this.blocked,
      series: this.#seriesNow(),
    };
  }

  /** Moves on: tasks are added, run and settle, as much as happens in `ms`. */
  step(ms: number): void {
    const random = this.#random;
    const now = Date.now();
    for (let chance = (ms / 1000) * 14; random.next() < chance; chance--) {
      const kind = this.#pickKind();
      // The queue of long tasks would only grow.
      if (kind.run < 10_000) {
        const createdAt = new Date(now - random.time(kind.wait, 0.8)).toISOString();
        const task = this.add({ name: kind.name, createdAt });
        this.#start(task, kind, random.time(kind.run, kind.spread), 0);
        this.#series.added[SERIES - 1]!++;
      }
    }
    for (const [id, { at, from, status }] of this.#ends) {
      const task = this.#byId.get(id)!;
      const kind = this.#kinds.get(task.name)!;
      if (at <= now) {
        this.settle(id, status as 'completed', status === 'failed' ? random.pick(kind.errors) : undefined);
        this.change(id, { finishedAt: new Date(at).toISOString() });
        if (status === 'completed') {
          this.#series.completed[SERIES - 1]!++;
        } else {
          this.#series.failed[SERIES - 1]!++;
        }
      } else if (kind.progress) {
        this.change(id, { progress: kind.progress(Math.max(0, now - from) / (at - from)) });
      }
    }
  }

  /** Begins the next second of the series. */
  nextSecond(): void {
    for (const values of Object.values(this.#series)) {
      values.push(0);
      values.shift();
    }
  }

  #put(task: TaskRow): void {
    this.tasks.push(task);
    this.#byId.set(task.id, task);
    this.#counts[task.status]++;
    this.#changed.add(task.id);
  }

  #start(task: TaskRow, kind: Kind, run: number, elapsed: number): void {
    const from = Date.now() - elapsed;
    this.change(task.id, {
      status: 'running',
      attempts: 1,
      startedAt: new Date(from).toISOString(),
      ...(kind.progress && { progress: kind.progress(elapsed / run) }),
    });
    const status = this.#random.next() < kind.failing ? 'failed' : 'completed';
    this.#ends.set(task.id, { at: from + run, from, status });
  }

  #pickKind(): Kind {
    const all = kinds.reduce((sum, it) => sum + it.weight, 0);
    let at = this.#random.next() * all;
    return kinds.find((it) => (at -= it.weight) < 0) ?? kinds[0]!;
  }

  #makeHistory(length: number): void {
    const random = this.#random;
    // The newest was added some seconds ago.
    let time = Date.now() - 4_000;
    const made: TaskRow[] = [];
    for (let index = 0; index < length; index++) {
      time -= random.between(20, 180);
      made.push(this.#settledTask(this.#pickKind(), time));
    }
    for (const task of made.toReversed()) {
      this.#put(task);
      this.#count(task);
    }
    for (const [seconds, ms] of [
      [41, 212],
      [128, 96],
      [203, 388],
      [960, 134],
      [2900, 251],
    ] as const) {
      const name = seconds === 128 ? 'Search.index' : 'parsePriceList';
      this.blocked.unshift({ name, ms, at: new Date(Date.now() - seconds * 1000).toISOString() });
    }
  }

  #settledTask(kind: Kind, time: number): TaskRow {
    const random = this.#random;
    const fails = random.next() < kind.failing;
    const isCancelled = !fails && random.next() < 0.001;
    const attempts = kind.queue && (fails || random.next() < kind.failing * 2) ? 3 : 1;
    const started = time + Math.max(1, random.time(kind.wait, 0.8));
    const finished = started + random.time(kind.run, kind.spread) + (attempts - 1) * 6_000;
    const status = fails ? 'failed' : isCancelled ? 'cancelled' : 'completed';
    return {
      id: random.id(),
      name: kind.name,
      ...(kind.queue && { queue: kind.queue }),
      status,
      attempts,
      createdAt: new Date(time).toISOString(),
      startedAt: new Date(started).toISOString(),
      finishedAt: new Date(finished).toISOString(),
      ...(fails && { error: random.pick(kind.errors) }),
      ...(isCancelled && { error: { name: 'TaskCancelledError', message: 'The client cancelled the order' } }),
      ...(kind.route && { route: kind.route }),
      target: kind.target,
      canCancel: false,
      canRetry: fails,
    };
  }

  #makeRunning(): void {
    const long: [string, number, number][] = [
      ['Reports.nightly', 254_000, 131_000],
      ['Stock.import', 62_000, 38_000],
      ['Stock.import', 51_000, 12_400],
      ['resizePhoto', 9_000, 5_100],
      ['resizePhoto', 12_000, 3_300],
      ['renderInvoice', 14_000, 2_100],
    ];
    for (const [name, run, elapsed] of long) {
      const createdAt = new Date(Date.now() - elapsed - 340).toISOString();
      this.#start(this.add({ name, createdAt }), this.#kinds.get(name)!, run, elapsed);
    }
  }

  #makeWaiting(): void {
    for (let index = 0; index < 9; index++) {
      const name = index < 2 ? 'Stock.import' : this.#random.pick(['Mailer.sendReceipt', 'Webhooks.deliver']);
      const createdAt = new Date(Date.now() - index * 1_700).toISOString();
      const error = this.#kinds.get(name)!.errors[0]!;
      this.add({ name, createdAt, ...(index === 5 && { attempts: 2, error }) });
    }
  }

  #makeSchedules(): void {
    this.schedules.push(
      {
        name: 'Reports.nightly',
        queue: 'reports',
        pattern: '0 3 * * *',
        tz: 'Europe/Oslo',
        next: fromNow(22_340),
        lastRun: fromNow(-64_060),
      },
      { name: 'Carts.expire', queue: 'maintenance', every: 300_000, next: fromNow(131), lastRun: fromNow(-169) },
      {
        name: 'Webhooks.removeOld',
        queue: 'maintenance',
        pattern: '30 4 * * 0',
        tz: 'UTC',
        next: fromNow(219_000),
        lastRun: fromNow(-385_800),
      },
      { name: 'Stock.compare', queue: 'imports', every: 3_600_000, next: fromNow(1_904), lastRun: fromNow(-1_696) },
    );
  }

  #makeSeries(isBusy: boolean): void {
    for (let second = 0; second < SERIES; second++) {
      const wave = 13 + 4 * Math.sin(second / 38) + 2.5 * Math.sin(second / 11);
      const added = isBusy ? Math.max(0, Math.round(this.#random.time(wave, 0.13))) : 0;
      const isOutage = second > 96 && second < 118;
      const failed = !isBusy ? 0 : isOutage ? this.#random.whole(2, 6) : this.#random.next() < 0.07 ? 1 : 0;
      this.#series.added.push(added);
      this.#series.failed.push(failed);
      this.#series.completed.push(Math.max(0, added - failed + (isBusy ? this.#random.whole(-1, 1) : 0)));
    }
  }

  #seriesNow(): Series {
    const { completed, failed, added } = this.#series;
    // The last second isn't over, so it isn't told.
    const end = new Date(Math.floor(Date.now() / 1000) * 1000).toISOString();
    return {
      step: 1000,
      end,
      completed: completed.slice(0, -1),
      failed: failed.slice(0, -1),
      added: added.slice(0, -1),
    };
  }

  #count(task: TaskRow): void {
    const { name, status } = task;
    let figures = this.#figures.get(name);
    if (figures === undefined) {
      figures = { completed: 0, failed: 0, cancelled: 0, skipped: 0, wait: [], run: [], blocked: 0 };
      this.#figures.set(name, figures);
    }
    figures[status as 'completed']++;
    if (task.startedAt !== undefined && task.finishedAt !== undefined && figures.run.length < 2_000) {
      const run = Date.parse(task.finishedAt) - Date.parse(task.startedAt);
      const kind = this.#kinds.get(name);
      // A task that was retried has its waits in its time.
      figures.run.push(kind ? this.#random.time(kind.run, kind.spread) : run);
      figures.wait.push(kind ? this.#random.time(kind.wait, 0.8) : 1);
      figures.blocked += this.#random.next() < (kind?.blocks ?? 0) ? run * 0.5 : 0;
    }
  }

  #queues(): QueueStats[] {
    const names = [...new Set(kinds.flatMap((it) => it.queue ?? []))];
    if (this.tasks.length === 0) {
      return [];
    }
    const queues = names.map((name): QueueStats => ({
      name,
      isPaused: this.paused.has(name),
      pending: 0,
      delayed: name === 'webhooks' ? 2 : 0,
      running: 0,
      completed: 0,
      failed: 0,
    }));
    const byName = new Map(queues.map((it) => [it.name, it]));
    const oldestAt = new Map<string, number>();
    const failedAt = new Map<string, number>();
    for (const { queue, status, createdAt, finishedAt } of this.tasks) {
      const stats = queue === undefined ? undefined : byName.get(queue);
      if (stats !== undefined && status !== 'cancelled' && status !== 'skipped') {
        stats[status]++;
        if (status === 'pending') {
          oldestAt.set(stats.name, Math.min(oldestAt.get(stats.name) ?? Infinity, Date.parse(createdAt)));
        } else if (status === 'failed' && finishedAt !== undefined) {
          failedAt.set(stats.name, Math.max(failedAt.get(stats.name) ?? 0, Date.parse(finishedAt)));
        }
      }
    }
    for (const stats of queues) {
      const oldest = oldestAt.get(stats.name);
      const failed = failedAt.get(stats.name);
      if (oldest !== undefined) {
        stats.oldestAge = Date.now() - oldest;
      }
      if (failed !== undefined) {
        stats.failedAge = Date.now() - failed;
      }
    }
    return queues;
  }

  #attemptsOf(task: TaskRow): AttemptRecord[] {
    if (task.startedAt === undefined) {
      return [];
    }
    const kind = this.#kinds.get(task.name);
    const started = Date.parse(task.startedAt);
    const ended = task.finishedAt === undefined ? undefined : Date.parse(task.finishedAt);
    const rows: AttemptRecord[] = [];
    let time = started;
    for (let attempt = 1; attempt < task.attempts; attempt++) {
      const run = Math.min(kind?.run ?? 100, 900) * (0.7 + attempt / 5);
      const delay = 1000 * 2 ** attempt;
      rows.push({
        attempt,
        startedAt: new Date(time).toISOString(),
        finishedAt: new Date(time + run).toISOString(),
        error: kind?.errors[attempt % kind.errors.length] ?? { name: 'Error', message: 'It failed' },
        delay,
      });
      time += run + delay;
    }
    if (task.status !== 'pending') {
      rows.push({
        attempt: task.attempts,
        startedAt: new Date(time).toISOString(),
        ...(ended !== undefined && { finishedAt: new Date(Math.max(ended, time)).toISOString() }),
        ...(task.status === 'failed' && task.error && { error: task.error }),
      });
    }
    return rows;
  }
}

const fromNow = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();

function figuresOf({ wait, run, ...counts }: Figures): TaskFigures {
  return { ...counts, wait: percentiles(wait), run: percentiles(run) };
}

function percentiles(values: number[]): Percentiles {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: sorted.at(-1) ?? 0, count: sorted.length };
}
