import { inspect } from 'node:util';
import { TaskCancelledError, TaskTimeoutError } from '../errors/task.errors.ts';
import type { AttemptTrace } from '../observe/traces.ts';
import type { TaskCall } from '../task/call/task-call.ts';
import type { TaskOptions } from '../task/definition/task-options.ts';
import type { BackgroundTask } from '../task/handle/background-task.ts';
import { copyProgress, type CurrentTask } from '../task/handle/current-task.ts';
import type { TaskCarrier } from '../task/model/task-carrier.ts';
import type { TaskProgress } from '../task/model/task-record.ts';
import { afterTaskTime } from '../util/timers.ts';

/** Why an attempt is aborted. */
export type AbortReason = TaskTimeoutError | TaskCancelledError;

/** Hears of an attempt that a queue gave to this process. */
export interface AttemptObserver {
  began(task: BackgroundTask): void;
  progressed(task: BackgroundTask): void;
  /** What travelled with the task. */
  readonly carrier?: TaskCarrier | undefined;
  /** Whether the queue makes spans of its own. */
  readonly isTraced?: boolean | undefined;
}

/** Hears how an attempt has ended. */
export interface AttemptListener {
  /**
   * Called once, in the async context in which the executor is.
   *
   * @param isFailed whether `value` is what was thrown, and not the result
   */
  attemptEnded(attempt: Attempt, isFailed: boolean, value: unknown): void;
}

/**
 * One attempt of a task. An executor runs it; on the event loop, the task sees it as its `currentTask()`.
 *
 * States: made; begun (`begin`); aborted (`abort`: by the timeout or by cancelling, possibly before it begins); ended by its
 * executor (`succeed`, `fail`); over (`end`).
 */
export class Attempt implements CurrentTask {
  // What a task sees has the fields that are documented, and nothing else: loggers write what they are given, and the call
  // holds the arguments of the task.

  readonly attempt: number;
  readonly #task: BackgroundTask;
  readonly #timeout: number | undefined;
  // Both unset when the attempt is over. The async context of a task that this one adds holds this attempt, for
  // `currentTask()`: a task that adds itself again would keep the calls of all before it.
  #call: TaskCall | undefined;
  #queue: AttemptObserver | undefined;
  /** Unset when it has heard of the end. */
  #listener: AttemptListener | undefined;
  /** Whether no other attempt follows, even if this one fails. */
  readonly #isLast: boolean;
  #trace?: AttemptTrace;
  #controller?: AbortController;
  #abortReason?: AbortReason;
  #onAbort?: (reason: AbortReason) => void;
  #stopTimer?: () => void;
  #isOver = false;
  #updateProgress?: (progress: TaskProgress) => void;

  constructor(
    task: BackgroundTask,
    call: TaskCall,
    { attempts = 1, timeout }: Pick<TaskOptions, 'attempts' | 'timeout'>,
    listener: AttemptListener,
    queue?: AttemptObserver,
  ) {
    this.#task = task;
    this.#call = call;
    this.#timeout = timeout;
    this.#listener = listener;
    this.#queue = queue;
    this.attempt = task.begunAttempts + 1;
    this.#isLast = this.attempt >= attempts;
  }

  get task(): BackgroundTask {
    return this.#task;
  }

  /** Not for use once the attempt is over. */
  get call(): TaskCall {
    return this.#call!;
  }

  get isLast(): boolean {
    return this.#isLast;
  }

  toJSON(): Pick<CurrentTask, 'id' | 'name' | 'attempt'> {
    const { id, name, attempt } = this;
    return { id, name, attempt };
  }

  [inspect.custom](): object {
    return this.toJSON();
  }

  // A closure, so that tasks can destructure it. Created on first use.
  get updateProgress(): (progress: TaskProgress) => void {
    return (this.#updateProgress ??= (progress) => {
      const copy = copyProgress(progress);
      // A function that ignores its signal goes on after the timeout. Its progress no longer counts.
      if (!this.#isOver) {
        this.task.update(copy);
        this.#queue?.progressed(this.task);
      }
    });
  }

  get id(): string {
    return this.task.id;
  }

  get name(): string {
    return this.task.name;
  }

  // Created on first use: most tasks never use it.
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#abortReason) {
        this.#controller.abort(this.#abortReason);
      }
    }
    return this.#controller.signal;
  }

  /** Set if somebody subscribes to the channel of attempts. */
  get trace(): AttemptTrace | undefined {
    return this.#trace;
  }

  set trace(trace: AttemptTrace) {
    this.#trace = trace;
  }

  get abortReason(): AbortReason | undefined {
    return this.#abortReason;
  }

  /** The executor calls this just before it runs the function. Starts the timeout. */
  begin(): void {
    const task = this.#task;
    const timeout = this.#timeout;
    task.start();
    this.#queue?.began(task);
    if (timeout !== undefined) {
      this.#stopTimer = afterTaskTime(timeout, () => this.abort(new TaskTimeoutError(task.name, timeout)));
    }
  }

  /**
   * Aborts the signal and tells the executor. An attempt that has timed out can still be cancelled until it is over.
   *
   * @returns whether the attempt ends for this reason
   */
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

  /** Calls the executor's listener when the attempt is aborted, at once if it already is. */
  onAbort(listener: (reason: AbortReason) => void): void {
    this.#onAbort = listener;
    // A task can cancel itself before the executor listens.
    if (this.#abortReason) {
      listener(this.#abortReason);
    }
  }

  /** The executor calls this or `fail` when the attempt has ended. Only the first call counts. */
  succeed(result: unknown): void {
    this.#report(false, result);
  }

  fail(error: unknown): void {
    this.#report(true, error);
  }

  #report(isFailed: boolean, value: unknown): void {
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.attemptEnded(this, isFailed, value);
  }

  /** From now on, the attempt can't be aborted, and its progress counts no more. */
  end(): void {
    this.#isOver = true;
    this.#onAbort = this.#call = this.#queue = undefined;
    this.#stopTimer?.();
  }
}
