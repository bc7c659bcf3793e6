/*
 * What the dashboard's API gives. The types are those of the server, by their names there: times are ISO 8601 strings, and
 * durations are in ms.
 */
export type {
  Hello,
  Overview,
  ProcessFigures,
  Series,
  TaskPage,
  TaskRow,
  TaskView,
  Update,
} from '../../../lib/dashboard/dashboard.api.ts';
export type { AttemptRecord, TaskSchedule } from '../../../lib/durable/task-queue.ts';
export type { EventLoopBlock } from '../../../lib/engine/recent-blocks.ts';
export type { QueueStats } from '../../../lib/task/model/queue-stats.ts';
export type { TaskError, TaskStatus } from '../../../lib/task/model/task-record.ts';
export type { Percentiles, TaskFigures, TaskStats } from '../../../lib/task/model/task-stats.ts';
