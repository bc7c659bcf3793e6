/**
 * Figures of one application: what there is to do now, and what was done since it started.
 *
 * @since 0.1.0
 */
export interface TaskStats {
  /** Accepted and not begun, or between two attempts. */
  pending: number;
  running: number;
  /** Those of the pending that wait for a time to come: by `delay`, or by `backoff`. */
  delayed: number;
  completed: number;
  failed: number;
  cancelled: number;
  skipped: number;
  /** Worker threads. */
  threads: {
    /** How many there are. */
    alive: number;
    /** How many have a task. */
    busy: number;
    /** Tasks that wait for one. */
    waiting: number;
  };
}
