import type { TaskControl } from '../execution/task-control.ts';
import type { TaskCall } from '../task/call/task-call.ts';
import type { TaskOptions } from '../task/definition/task-options.ts';
import type { BackgroundTask } from '../task/handle/background-task.ts';
import { afterTaskTime, clearImmediate, setImmediate } from '../util/timers.ts';
import { Added } from './added-task.ts';

/**
 * When tasks run in a test.
 *
 * - `background`: as in production, after the response.
 * - `inline`: before the response leaves, in order. An error becomes the answer.
 * - `manual`: when the test calls `run()`.
 *
 * @since 0.1.0
 */
export type TestMode = 'background' | 'inline' | 'manual';

/** Controls the tasks of one application under test. */
export class TestControl implements TaskControl {
  /** The tasks in the order in which they were added. */
  all: Added[] = [];
  /** Tasks that wait for `run()`, each with what starts it. */
  readonly #held = new Map<BackgroundTask, () => void>();
  /** What ends each delay and backoff that tasks wait for. */
  readonly #waits = new Set<() => void>();
  /** Which tasks the running `run()` runs. */
  #isRun: ((task: BackgroundTask) => boolean) | undefined;

  constructor(
    readonly mode: TestMode,
    /** Finds what a durable task threw, by its id. */
    readonly thrown: (id: string) => unknown,
    private readonly onAdded: (call: TaskCall) => void = () => undefined,
  ) {}

  get isInline(): boolean {
    return this.mode === 'inline';
  }

  added(task: BackgroundTask, call: TaskCall, options: TaskOptions): void {
    this.onAdded(call);
    this.all.push(new Added(task, call.args, options));
  }

  whenAllowed(task: BackgroundTask, start: () => void): void {
    if (this.mode !== 'manual' || this.#isRun?.(task)) {
      start();
    } else {
      this.#held.set(task, start);
    }
  }

  wait(ms: number, onEnd: () => void): () => void {
    // A clock that the test has stopped ends no wait of no time.
    const isSkipped = this.#isRun !== undefined || this.isInline;
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
    return task.error ?? this.thrown(task.id);
  }

  /** Lets tasks start, and ends all delays and backoffs. @returns stops that */
  release(isRun: (task: BackgroundTask) => boolean): () => void {
    this.#isRun = isRun;
    for (const [task, start] of [...this.#held]) {
      if (isRun(task)) {
        this.#held.delete(task);
        start();
      }
    }
    [...this.#waits].forEach((end) => end());
    return () => {
      this.#isRun = undefined;
    };
  }

  clear(): void {
    this.all = [];
  }
}

function soonest(fn: () => void): () => void {
  const immediate = setImmediate(fn);
  return () => clearImmediate(immediate);
}
