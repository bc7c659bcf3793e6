import type { TaskObserver } from '../observe/task-observer.ts';
import type { BackgroundTask, StepObserver, TaskIds } from '../task/handle/background-task.ts';
import type { TaskEventType } from '../task/model/task-event.ts';
import type { TaskEnd, TaskStatus } from '../task/model/task-record.ts';
import type { TaskStats } from '../task/model/task-stats.ts';
import { LinkedList } from '../util/linked-list.ts';
import { settlesWithin } from '../util/settles-within.ts';
import { DrainTimeoutError } from './drain-timeout.error.ts';
import type { TaskEntry } from './task-entry.ts';

/**
 * Keeps the unsettled tasks of this process, and counts the settled ones. Handles report each step here; the tracker
 * passes it on to the observer.
 */
export class TaskTracker implements StepObserver {
  /** Tasks whose id was read. Nobody looks up another task, because nobody knows an id that was never read. */
  readonly ids: TaskIds = new Map();
  readonly #unsettled = new LinkedList<BackgroundTask>();
  readonly #deduplicated = new Map<string, TaskEntry>();
  readonly #deduplicationIds = new Map<BackgroundTask, string>();
  readonly #onDrained = new Set<() => void>();
  readonly #settled: Record<TaskEnd, number> = { completed: 0, failed: 0, cancelled: 0, skipped: 0 };
  #running = 0;

  constructor(private readonly observer: TaskObserver) {}

  /** How many tasks of this process have not settled. */
  get size(): number {
    return this.#unsettled.size;
  }

  get unsettled(): readonly BackgroundTask[] {
    return this.#unsettled.toArray();
  }

  get stats(): Omit<TaskStats, 'threads' | 'delayed' | 'refused' | 'byName'> {
    return {
      pending: this.#unsettled.size - this.#running,
      running: this.#running,
      ...this.#settled,
    };
  }

  get settledCount(): number {
    const { completed, failed, cancelled, skipped } = this.#settled;
    return completed + failed + cancelled + skipped;
  }

  findDuplicate(id: string): TaskEntry | undefined {
    return this.#deduplicated.get(id);
  }

  /** While the task is unsettled, `findDuplicate` finds it. */
  deduplicate(id: string, entry: TaskEntry): void {
    this.#deduplicated.set(id, entry);
    this.#deduplicationIds.set(entry.task, id);
  }

  add(task: BackgroundTask): void {
    this.#unsettled.add(task);
    this.observer.stepped(task, 'added');
  }

  /** The queue owns the task: this process stops counting it. */
  release(task: BackgroundTask): void {
    this.#unsettled.delete(task);
  }

  stepped(task: BackgroundTask, step: TaskEventType, from: TaskStatus, delay?: number): void {
    this.#running += Number(task.currentStatus === 'running') - Number(from === 'running');
    if (task.isSettled) {
      this.#settled[step as TaskEnd]++;
      if (this.#deduplicationIds.size > 0) {
        this.#forgetDuplicate(task);
      }
    }
    if (task.isSettled || step === 'stored') {
      this.#unsettled.delete(task);
    }
    this.observer.stepped(task, step, delay);
    if (this.#onDrained.size > 0) {
      this.#checkDrained();
    }
  }

  /**
   * Resolves when no task is unsettled.
   *
   * @param timeout ms. Default: waits for ever
   * @throws DrainTimeoutError
   */
  async drain(timeout?: number): Promise<void> {
    if (this.#unsettled.size === 0) {
      return;
    }
    let onDrained!: () => void;
    const drained = new Promise<void>((resolve) => {
      onDrained = resolve;
    });
    this.#onDrained.add(onDrained);
    try {
      if (timeout === undefined) {
        await drained;
      } else if (!(await settlesWithin(drained, timeout))) {
        const unsettled = this.unsettled.map((task) => task.toRecord());
        throw new DrainTimeoutError(timeout, unsettled);
      }
    } finally {
      this.#onDrained.delete(onDrained);
    }
  }

  #forgetDuplicate(task: BackgroundTask): void {
    const id = this.#deduplicationIds.get(task);
    if (id !== undefined) {
      this.#deduplicationIds.delete(task);
      // A getter in the arguments of a task for a thread can add another task with the same id.
      if (this.#deduplicated.get(id)?.task === task) {
        this.#deduplicated.delete(id);
      }
    }
  }

  #checkDrained(): void {
    if (this.#unsettled.size === 0) {
      for (const resolve of this.#onDrained) {
        resolve();
      }
    }
  }
}
