/**
 * Counts the tasks of one application, in this process.
 *
 * Some wait or run now; others have settled since the application started.
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
  /** Tasks that `addTask` or `start` refused, by a `TooManyTasksError` or a `ShuttingDownError`. */
  refused: number;
  /** Worker threads. */
  threads: {
    /** Threads that exist. */
    alive: number;
    /** Threads that run a task. */
    busy: number;
    /** Tasks that wait for a thread. */
    waiting: number;
  };
  /**
   * The figures of each task name.
   *
   * From 1,000 names on, the figures of all further names together, as `(other)`.
   */
  byName: { [name: string]: TaskFigures };
}

/**
 * Holds the figures of the tasks with one name, in this process.
 *
 * @since 0.1.0
 */
export interface TaskFigures {
  completed: number;
  failed: number;
  cancelled: number;
  skipped: number;
  /** How long tasks waited for their first attempt. */
  wait: Percentiles;
  /** How long tasks took from the start of their first attempt until they settled. */
  run: Percentiles;
  /**
   * How long their calls kept the event loop busy, in ms, in total.
   *
   * A call counts until its function returned, or awaited for the first time. Threads do not count.
   */
  blocked: number;
}

/**
 * Holds percentiles in ms, of the latest five to ten minutes.
 *
 * For a task that runs less often, they are of its latest runs. A value is at most 1/32 too high. All are 0 if `count`
 * is 0.
 *
 * @since 0.1.0
 */
export interface Percentiles {
  p50: number;
  p95: number;
  p99: number;
  max: number;
  /** How many values they come from. */
  count: number;
}
