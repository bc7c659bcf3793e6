import { AsyncLocalStorage } from 'node:async_hooks';
import type { TaskControl } from '../execution/task-control.ts';
import type { TaskCall } from '../task/call/task-call.ts';
import type { TaskOptions } from '../task/definition/task-options.ts';
import type { BackgroundTask } from '../task/handle/background-task.ts';
import { afterTaskTime, clearImmediate, setImmediate } from '../util/timers.ts';
import { Added } from './added-task.ts';

/**
 * Names when tasks run in a test.
 *
 * - `background`: as in production, after the response.
 * - `inline`: before the response leaves, in order. An error becomes the answer.
 * - `manual`: when the test calls `run()`.
 *
 * @since 0.1.0
 */
export type TestMode = 'background' | 'inline' | 'manual';

/** A task that a handler has added. */
export interface AddedByHandler {
  readonly task: BackgroundTask;
  /** Whether the task can start without waiting for a response. */
  readonly isOpen: boolean;
}

/** Controls the tasks of one application under test. */
export class TestControl implements TaskControl {
  /** The tasks in the order in which they were added. */
  all: Added[] = [];
  /** Tasks that wait for `run()`, each with what starts it. */
  readonly #held = new Map<BackgroundTask, () => void>();
  /** What ends each delay and backoff that tasks wait for. */
  readonly #waits = new Set<() => void>();
  /** One entry for each `run()` that goes on: says which tasks it runs. */
  readonly #runs = new Set<(task: BackgroundTask) => boolean>();
  #isClosing = false;
  /** The tasks that a handler has added. A task that is added in the handler's async context joins them. */
  readonly #addedBy = new AsyncLocalStorage<AddedByHandler[]>();

  constructor(
    readonly mode: TestMode,
    /** Finds what a durable task threw, by its id. */
    readonly thrown: (id: string) => unknown,
    private readonly onAdded: (call: TaskCall) => void = () => undefined,
  ) {}

  get isInline(): boolean {
    return this.mode === 'inline';
  }

  added(task: BackgroundTask, call: TaskCall, options: TaskOptions, isOpen: boolean): void {
    this.onAdded(call);
    this.all.push(new Added(task, call.args, options));
    this.#addedBy.getStore()?.push({ task, isOpen });
  }

  /** Calls a handler, and notes what it adds. */
  noteAdded<T>(added: AddedByHandler[], handler: () => T): T {
    return this.#addedBy.run(added, handler);
  }

  whenAllowed(task: BackgroundTask, start: () => void): void {
    if (this.#isClosing && this.mode === 'manual') {
      task.cancel();
    }
    if (this.mode !== 'manual' || task.isSettled || this.#isRun(task)) {
      start();
    } else {
      this.#held.set(task, start);
    }
  }

  wait(ms: number, onEnd: () => void): () => void {
    // While the test has stopped the clock, even a timer of 0 ms never ends. So a skipped wait uses no timer of that clock.
    const isSkipped = this.#runs.size > 0 || this.isInline;
    const end = () => {
      stop();
      onEnd();
    };
    const stopTimer = isSkipped ? soonest(end) : afterTaskTime(ms, end);
    const stop = () => {
      this.#waits.delete(end);
      stopTimer();
    };
    this.#waits.add(end);
    return stop;
  }

  thrownBy(task: BackgroundTask): unknown {
    // The handle of a durable task has only a copy of the error.
    return this.thrown(task.id) ?? task.error;
  }

  /** Lets tasks start, and ends all delays and backoffs. @returns a function that stops it */
  release(isRun: (task: BackgroundTask) => boolean): () => void {
    // A function of its own: two runs can pass the same one.
    const run = (task: BackgroundTask) => isRun(task);
    this.#runs.add(run);
    this.#startHeld(run);
    [...this.#waits].forEach((end) => end());
    return () => void this.#runs.delete(run);
  }

  /** Cancels the tasks that wait, and forgets all tasks. */
  clear(): void {
    const waiting = this.all.filter(({ task }) => task.status === 'pending' && !task.isEnqueued);
    this.all = [];
    waiting.forEach(({ task }) => task.cancel());
    this.#startHeld((task) => task.isSettled);
  }

  /** Cancels what still waits for `run()`: a test can end without running it. */
  close(): void {
    this.#isClosing = true;
    for (const task of this.mode === 'manual' ? this.#held.keys() : []) {
      task.cancel();
    }
    this.#startHeld((task) => task.isSettled);
  }

  #isRun(task: BackgroundTask): boolean {
    return [...this.#runs].some((isRun) => isRun(task));
  }

  #startHeld(isStarted: (task: BackgroundTask) => boolean): void {
    for (const [task, start] of this.#held) {
      if (isStarted(task)) {
        this.#held.delete(task);
        start();
      }
    }
  }
}

function soonest(fn: () => void): () => void {
  const immediate = setImmediate(fn);
  return () => clearImmediate(immediate);
}
