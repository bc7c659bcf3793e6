import type { Encoded, Omitted } from '../../durable/codec/value-codec.ts';
import { decode, isOmitted } from '../../durable/codec/value-codec.ts';
import type { AttemptRecord, DurableTask } from '../../durable/task-queue.ts';
import type { BackgroundTask } from '../../task/handle/background-task.ts';
import type { TaskCarrier } from '../../task/model/task-carrier.ts';
import { plainRecord, type TaskError, type TaskProgress, type TaskRecord } from '../../task/model/task-record.ts';

/**
 * Where a job is:
 *
 * - `blocked`: until the steps before it have completed;
 * - `delayed`: until a time;
 * - `waiting`: until a worker claims it;
 * - `claimed`: a worker runs it;
 * - `settled`: it has completed, failed or was cancelled. A retry makes it `waiting` or `blocked` again.
 */
export type JobState = 'blocked' | 'delayed' | 'waiting' | 'claimed' | 'settled';

/** How a job has settled. */
export type JobEnd =
  | { readonly status: 'completed'; readonly result: Encoded | Omitted }
  | { readonly status: 'failed' | 'cancelled'; readonly error: TaskError };

/** A durable task in memory: all that a queue keeps of it. */
export class MemoryJob {
  state: JobState = 'waiting';
  attempts = 0;
  /** ms since the epoch. */
  startedAt: number | undefined;
  finishedAt: number | undefined;
  progress: TaskProgress | undefined;
  /** Why the last attempt failed, between two attempts. */
  lastError: TaskError | undefined;
  end: JobEnd | undefined;
  /** The attempts that have begun. */
  readonly begun: AttemptRecord[] = [];
  /** What the function threw, as it threw it. */
  thrown: { readonly error: unknown } | undefined;
  /** Whether it was retried: then its delay is over. */
  isRetried = false;
  /** Decides the order among jobs of one priority: a released job goes first. */
  position = 0;
  /** The end of its delay, in ms since the epoch. Set while the job is delayed. */
  dueAt: number | undefined;
  /** Set while an attempt runs. */
  running: BackgroundTask | undefined;
  /** What travels with the task. */
  carrier: TaskCarrier | undefined;
  readonly onSettled = new Set<(record: TaskRecord) => void>();

  constructor(
    /** The task without its arguments, which are in `args`. */
    readonly task: Omit<DurableTask, 'args' | 'before'>,
    readonly args: Encoded,
    /** The ids of the steps before it, in order. */
    readonly before: readonly string[],
    readonly isGroup: boolean,
  ) {}

  get id(): string {
    return this.task.id;
  }

  get maxAttempts(): number {
    return this.task.options.attempts ?? 1;
  }

  get isSettled(): boolean {
    return this.state === 'settled';
  }

  /** Forgets how the task went: a retry has all attempts again. */
  reset(): void {
    this.attempts = this.begun.length = 0;
    this.startedAt = this.finishedAt = this.progress = this.lastError = this.end = this.thrown = undefined;
  }

  toRecord(): TaskRecord {
    const { id, task, end, attempts, startedAt, finishedAt, progress, lastError } = this;
    const error = end ? 'error' in end && end.error : lastError;
    const hasBegun = this.running?.status === 'running';
    return plainRecord({
      id,
      name: task.name,
      queue: task.queue,
      ...(task.route !== undefined && { route: task.route }),
      status: end?.status ?? (hasBegun ? 'running' : 'pending'),
      attempts,
      createdAt: timeOf(task.createdAt),
      ...(startedAt !== undefined && { startedAt: timeOf(startedAt) }),
      ...(finishedAt !== undefined && { finishedAt: timeOf(finishedAt) }),
      ...(progress !== undefined && { progress }),
      ...(end?.status === 'completed' && resultIn(end.result)),
      ...(error && !hasBegun && { error }),
    });
  }
}

function resultIn(result: Encoded | Omitted): Pick<TaskRecord, 'result' | 'resultOmitted'> {
  return isOmitted(result) ? { resultOmitted: result.omitted } : { result: decode(result) };
}

const timeOf = (ms: number) => new Date(ms).toISOString();
