/* What the dashboard's page gets, as JSON. */
import type { AttemptRecord } from '../durable/task-queue.ts';
import type { QueueStats } from '../task/model/queue-stats.ts';
import type { TaskRecord } from '../task/model/task-record.ts';
import type { TaskTarget } from '../task/model/task-target.ts';
import type { TaskStats } from '../task/model/task-stats.ts';

export interface TaskRow extends Omit<TaskRecord, 'result'> {
  target: TaskTarget;
  canCancel: boolean;
  canRetry: boolean;
}

export interface TaskPage {
  total: number;
  offset: number;
  tasks: TaskRow[];
  /** The time in the request. Later tasks are left out, so that the pages of a growing list fit together. */
  before?: string;
  /** Why the state of durable tasks may be out of date. */
  queueError?: string;
}

export interface TaskView {
  task: TaskRow & { result?: unknown };
  attempts: AttemptRecord[];
  arguments?: unknown;
  queueError?: string;
}

export interface Series {
  /** How many ms one number covers. */
  step: number;
  /** The end of the time that the last number covers, as an ISO 8601 string. */
  end: string;
  added: number[];
  completed: number[];
  failed: number[];
}

export interface ProcessFigures {
  /** ms */
  eventLoopDelay: { p50: number; p99: number; max: number };
  /** From 0 to 1. */
  eventLoopUtilization: number;
  /** Bytes. */
  heapUsed: number;
  heapLimit: number;
  rss: number;
  /** Seconds. */
  uptime: number;
}

export interface Overview {
  now: string;
  stats: TaskStats;
  queues: QueueStats[];
  queueError?: string;
  process: ProcessFigures;
  blocked: { name: string; ms: number; at: string }[];
  series: Series;
}

export interface Hello {
  canAct: boolean;
  title?: string;
  version: string;
  startedAt: string;
  process: string;
}

export interface Update {
  overview: Overview;
  /** The tasks that have changed, at most 200. */
  tasks: TaskRow[];
  /** Whether other tasks have changed too, or may have. */
  more: boolean;
}
