/**
 * Where a task stands: `pending` and `running` go on, the others are its ends.
 *
 * @since 0.1.0
 */
export type TaskStatus = 'pending' | 'running' | 'completed' | 'failed' | 'skipped';

/**
 * The plain form of a task: what is known of it, in values that survive JSON. It has no stack.
 *
 * @since 0.1.0
 */
export interface TaskRecord<R = unknown> {
  id: string;
  name: string;
  status: TaskStatus;
  /** When it was added, as an ISO 8601 string. */
  createdAt: string;
  /** When it began to run, as an ISO 8601 string. */
  startedAt?: string;
  /** When it came to its end, as an ISO 8601 string. */
  finishedAt?: string;
  /** What a completed task returned. */
  result?: R;
  /** Why a task failed. */
  error?: { name: string; message: string };
}
