import { bigintAsString, type TaskProgress } from '../../task/model/task-record.ts';
import { isRefusedJson } from '../../durable/codec/accepted-text.ts';
import type { TaskJob } from './task-job.ts';

/**
 * Writes a task's progress to its job, one update after the other, so that the last one stays. Updates that come during a
 * write replace each other.
 */
export class JobProgress {
  #next: TaskProgress | undefined;
  /** Pending while updates are written. */
  #writing?: Promise<void>;

  /**
   * @param sayBegun tells the queue that the attempt has begun: a task that waits has no progress
   * @param onError is told of a failed write: the task itself goes on
   */
  constructor(
    private readonly job: TaskJob,
    private readonly sayBegun: () => Promise<void>,
    private readonly onError: (error: unknown) => void,
  ) {}

  write(progress: TaskProgress): void {
    this.#next = progress;
    this.#writing ??= this.#writeAll();
  }

  /** The writes that are underway; mostly there are none. */
  get writing(): Promise<void> | undefined {
    return this.#writing;
  }

  async #writeAll(): Promise<void> {
    while (this.#next !== undefined) {
      const progress = this.#next;
      this.#next = undefined;
      await this.#writeOne(progress).catch(this.onError);
    }
    this.#writing = undefined;
  }

  async #writeOne(progress: TaskProgress): Promise<void> {
    await this.sayBegun();
    await this.job.updateProgress(encodeProgress(progress));
  }
}

/** Progress in a form that every server accepts: JSON, or the same JSON as bytes. */
function encodeProgress(progress: TaskProgress): number | object {
  const text = JSON.stringify(progress, bigintAsString);
  const json = JSON.parse(text) as number | object;
  // An object that looks like bytes is kept as bytes too, so that it is read as it was.
  return isRefusedJson(text) || isBytes(json) ? { base64: Buffer.from(text).toString('base64') } : json;
}

/** Reads what `JobProgress` has written. BullMQ gives 0 for a job without progress. */
export function readProgress(progress: unknown): TaskProgress {
  try {
    return (
      isBytes(progress) ? JSON.parse(Buffer.from(progress.base64, 'base64').toString()) : progress
    ) as TaskProgress;
  } catch {
    // Another program wrote it.
    return progress as TaskProgress;
  }
}

function isBytes(value: unknown): value is { base64: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.keys(value).length === 1 &&
    typeof (value as { base64?: unknown }).base64 === 'string'
  );
}
