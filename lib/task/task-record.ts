import type { TaskProgress } from './current-task.ts';

/**
 * Where a task stands: `pending` and `running` go on, the others are its ends.
 *
 * @since 0.1.0
 */
export type TaskStatus = 'pending' | 'running' | 'completed' | 'failed' | 'cancelled' | 'skipped';

/**
 * The plain form of a task: what is known of it, in values that survive JSON. It has no stack.
 *
 * @since 0.1.0
 */
export interface TaskRecord<R = unknown> {
  id: string;
  name: string;
  status: TaskStatus;
  /** How many attempts have begun. */
  attempts: number;
  /** When it was added, as an ISO 8601 string. */
  createdAt: string;
  /** When its first attempt began, as an ISO 8601 string. */
  startedAt?: string;
  /** When it came to its end, as an ISO 8601 string. */
  finishedAt?: string;
  /** What the task last said of how far it has come. */
  progress?: TaskProgress;
  /** What a completed task returned. */
  result?: R;
  /** Why a task failed, or was cancelled; between two attempts, why the last one failed. */
  error?: { name: string; message: string };
}
