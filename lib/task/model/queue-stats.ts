/**
 * Counts of one queue, at one moment, for all processes.
 *
 * @since 0.1.0
 */
export interface QueueStats {
  name: string;
  isPaused: boolean;
  /** Tasks that wait: for a worker, for a time, or for the steps before them. */
  pending: number;
  /** Pending tasks that wait for a time: their `delay`, their `backoff`, or the next run of a repeating task. */
  delayed: number;
  /** Tasks that a worker has claimed. */
  running: number;
  /** Completed tasks that the queue still keeps. */
  completed: number;
  /** Failed and cancelled tasks that the queue still keeps. */
  failed: number;
  /**
   * ms for which the oldest task has waited that a worker could claim now, since it was added or its `delay` ended. Tasks that
   * wait for a time or for other steps don't count. `undefined` if no task could be claimed.
   */
  oldestAge?: number;
  /** ms since a task last failed. Cancelled tasks don't count. `undefined` if the queue keeps no failed task. */
  failedAge?: number;
}
