import { TaskCancelledError, TaskTimeoutError } from '../errors/task.errors.ts';
import type { TaskCall } from '../task/call/task-call.ts';
import type { TaskOptions } from '../task/definition/task-options.ts';
import type { BackgroundTask } from '../task/handle/background-task.ts';
import { copyProgress, type CurrentTask } from '../task/handle/current-task.ts';
import type { TaskProgress } from '../task/model/task-record.ts';

/** Why an attempt is ended before its time. */
export type AbortReason = TaskTimeoutError | TaskCancelledError;

/** One attempt of a task: what an executor runs, and what the task sees of itself on the event loop. */
export class Attempt implements CurrentTask {
  readonly attempt: number;
  /** Whether there will be no other, whatever becomes of this one. */
  readonly isLast: boolean;
  #controller?: AbortController;
  #abortReason?: AbortReason;
  #onAbort?: (reason: AbortReason) => void;
  #timer?: NodeJS.Timeout;
  #isOver = false;
  #updateProgress?: (progress: TaskProgress) => void;

  constructor(
    readonly task: BackgroundTask,
    readonly call: TaskCall,
    private readonly options: Pick<TaskOptions, 'attempts' | 'timeout'>,
    /** The queue that gave the attempt to this process, if one did. */
    private readonly queue?: { progressed(task: BackgroundTask): void },
  ) {
    this.attempt = task.attempts + 1;
    this.isLast = this.attempt >= (options.attempts ?? 1);
  }

  // A function of its own, so that it can be taken off by destructuring; made when somebody asks for it.
  get updateProgress(): (progress: TaskProgress) => void {
    return (this.#updateProgress ??= (progress) => {
      const copy = copyProgress(progress);
      // One that ran out of time may go on unseen: then nobody is to see its progress either.
      if (!this.#isOver) {
        this.task.update(copy);
        this.queue?.progressed(this.task);
      }
    });
  }

  get id(): string {
    return this.task.id;
  }

  get name(): string {
    return this.task.name;
  }

  // Made when somebody asks for it: most tasks never do.
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#abortReason) {
        this.#controller.abort(this.#abortReason);
      }
    }
    return this.#controller.signal;
  }

  get abortReason(): AbortReason | undefined {
    return this.#abortReason;
  }

  /** To be called by the executor when the function is about to run. */
  begin(): void {
    const { task } = this;
    const { timeout } = this.options;
    task.start();
    if (timeout !== undefined) {
      this.#timer = setTimeout(() => this.abort(new TaskTimeoutError(task.name, timeout)), timeout);
    }
  }

  /** @returns whether that is why it ends: one that has run out of time can be cancelled as long as it has not ended */
  abort(reason: AbortReason): boolean {
    if (this.#isOver || this.#abortReason instanceof TaskCancelledError) {
      return false;
    }
    const isFirst = !this.#abortReason;
    this.#abortReason = reason;
    if (isFirst) {
      this.#controller?.abort(reason);
      this.#onAbort?.(reason);
    }
    return true;
  }

  /** Has the executor told that it is to end the attempt. */
  onAbort(listener: (reason: AbortReason) => void): void {
    this.#onAbort = listener;
    // A task can cancel itself before the executor has got to asking.
    if (this.#abortReason) {
      listener(this.#abortReason);
    }
  }

  end(): void {
    this.#isOver = true;
    this.#onAbort = undefined;
    clearTimeout(this.#timer);
  }
}
