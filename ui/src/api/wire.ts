/** The states of a task. */
export type TaskStatus = 'pending' | 'running' | 'completed' | 'failed' | 'cancelled' | 'skipped';

export interface TaskError {
  name: string;
  message: string;
  cause?: TaskError;
}

/** A task as the dashboard's API gives it. Times are ISO 8601 strings. */
export interface TaskRow {
  id: string;
  name: string;
  queue?: string;
  status: TaskStatus;
  attempts: number;
  createdAt: string;
  startedAt?: string;
  finishedAt?: string;
  progress?: number | object;
  error?: TaskError;
  /** The request that added the task, such as `POST /orders/:id`. */
  route?: string;
  target: 'event-loop' | 'thread' | 'queue';
  canCancel: boolean;
  canRetry: boolean;
}

export interface AttemptRow {
  attempt: number;
  startedAt?: string;
  finishedAt?: string;
  error?: TaskError;
  /** How long the task waits before the next attempt, in ms. */
  delay?: number;
}

/** One task. `arguments` and `result` are absent unless the application's `redact` shows them. */
export interface TaskDetails {
  task: TaskRow & { result?: unknown; resultOmitted?: string };
  attempts: AttemptRow[];
  arguments?: unknown;
  /** Why the state of a durable task may be out of date. */
  queueError?: string;
}

export interface TaskPage {
  total: number;
  offset: number;
  tasks: TaskRow[];
  /** The time that was asked for, from a server that leaves out what was added after it. */
  before?: string;
  /** Why the states of durable tasks may be out of date. */
  queueError?: string;
}

/** In ms. */
export interface Percentiles {
  p50: number;
  p95: number;
  p99: number;
  max: number;
  count: number;
}

export interface TaskFigures {
  completed: number;
  failed: number;
  cancelled: number;
  skipped: number;
  wait: Percentiles;
  run: Percentiles;
  /** How long tasks of this name have blocked the event loop, in ms. */
  blocked: number;
}

export interface TaskStats {
  pending: number;
  running: number;
  delayed: number;
  completed: number;
  failed: number;
  cancelled: number;
  skipped: number;
  refused?: number;
  threads: { alive: number; busy: number; waiting: number };
  byName?: Record<string, TaskFigures>;
}

export interface QueueStats {
  name: string;
  isPaused: boolean;
  pending: number;
  delayed: number;
  running: number;
  completed: number;
  failed: number;
  /** How long the oldest task that could run now has waited, in ms. */
  oldestAge?: number;
  /** How long ago a task last failed, in ms. */
  failedAge?: number;
}

export interface ProcessFigures {
  /** In ms. */
  eventLoopDelay: { p50: number; p99: number; max: number };
  /** From 0 to 1. */
  eventLoopUtilization: number;
  /** In bytes. */
  heapUsed: number;
  heapLimit: number;
  rss: number;
  /** In seconds. */
  uptime: number;
}

/** A time in which a task blocked the event loop. */
export interface Block {
  name: string;
  ms: number;
  at: string;
}

/** Counts of steps of time. The last one ended at `end`. */
export interface Series {
  /** In ms. */
  step: number;
  end: string;
  completed: number[];
  failed: number[];
  added: number[];
}

export interface Overview {
  now: string;
  stats: TaskStats;
  queues: QueueStats[];
  /** Why the queues could not be read. */
  queueError?: string;
  process: ProcessFigures;
  blocked: Block[];
  series: Series;
}

export interface Schedule {
  name: string;
  queue: string;
  /** In ms. */
  every?: number;
  pattern?: string;
  tz?: string;
  /** Absent if the task doesn't run by itself. */
  next?: string;
  lastRun?: string;
}

/** The first event of the stream. */
export interface Hello {
  canAct: boolean;
  title?: string;
  version: string;
  startedAt: string;
  process: number | string;
}

export interface Update {
  overview: Overview;
  /** The tasks that have changed since the last update, newest state each. */
  tasks: TaskRow[];
  /** Whether tasks have changed that are not in `tasks`. */
  more: boolean;
}
