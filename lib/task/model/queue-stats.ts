/**
 * Counts the tasks of one queue at one moment, for all processes.
 *
 * @since 0.1.0
 */
export interface QueueStats {
  name: string;
  isPaused: boolean;
  /** Tasks that wait: for a worker, for a time, or for the steps before them. */
  pending: number;
  /**
   * Pending tasks that wait for a time.
   *
   * They wait for their `delay`, for their `backoff`, or as the next run of a repeating task.
   */
  delayed: number;
  /** Tasks that a worker has claimed. */
  running: number;
  /** Completed tasks that the queue still keeps. */
  completed: number;
  /** Failed and cancelled tasks that the queue still keeps. */
  failed: number;
  /**
   * How long the oldest task that a worker could claim now has waited, in ms.
   *
   * It counts from when the task was added or its `delay` ended. Tasks that wait for a time or for other steps don't
   * count. `undefined` if no task could be claimed.
   */
  oldestAge?: number;
  /**
   * How long ago a task last failed, in ms.
   *
   * Cancelled tasks don't count. `undefined` if the queue keeps no failed task.
   */
  failedAge?: number;
}
