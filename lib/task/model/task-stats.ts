/**
 * Counts of the tasks of one application: those that wait or run now, and those that have settled since it started.
 *
 * @since 0.1.0
 */
export interface TaskStats {
  /** Tasks that wait for their first or next attempt. */
  pending: number;
  running: number;
  /** Pending tasks that wait for a time: their `delay`, or their `backoff`. */
  delayed: number;
  completed: number;
  failed: number;
  cancelled: number;
  skipped: number;
  /** Worker threads. */
  threads: {
    /** Threads that exist. */
    alive: number;
    /** Threads that run a task. */
    busy: number;
    /** Tasks that wait for a thread. */
    waiting: number;
  };
}
