import type { Observable } from 'rxjs';
import { TaskEvents } from '../observe/task-events.ts';
import type { TaskKeeper } from '../records/task-history.ts';
import type { BackgroundTask } from '../task/handle/background-task.ts';
import type { TaskEvent, TaskEventType } from '../task/model/task-event.ts';
import type { TaskEnd } from '../task/model/task-record.ts';
import type { TaskStats } from '../task/model/task-stats.ts';
import { DrainTimeoutError } from './drain-timeout.error.ts';
import type { TaskEntry } from './task-entry.ts';

/** Knows every task that was accepted and has not come to its end, counts all, and tells of each step. */
export class TaskTracker {
  /** By their numbers, which is cheaper than by the tasks themselves. */
  readonly #unsettled = new Map<number, BackgroundTask>();
  readonly #deduplicated = new Map<string, TaskEntry>();
  readonly #drained = new Set<() => void>();
  readonly #events: TaskEvents<TaskEvent>;
  readonly #ended: Record<TaskEnd, number> = { completed: 0, failed: 0, cancelled: 0, skipped: 0 };
  #running = 0;

  /** @param onThrow is given what a subscriber of the events has thrown */
  constructor(
    private readonly keeper: TaskKeeper,
    onThrow: (error: unknown) => void,
  ) {
    this.#events = new TaskEvents(onThrow);
  }

  get events(): Observable<TaskEvent> {
    return this.#events.observable;
  }

  /** How many have been accepted and have not come to their end. */
  get size(): number {
    return this.#unsettled.size;
  }

  get stats(): Omit<TaskStats, 'threads' | 'delayed'> {
    return {
      pending: this.#unsettled.size - this.#running,
      running: this.#running,
      ...this.#ended,
    };
  }

  get unsettled(): Iterable<BackgroundTask> {
    return this.#unsettled.values();
  }

  findDuplicate(id: string): TaskEntry | undefined {
    return this.#deduplicated.get(id);
  }

  added(queued: TaskEntry): void {
    const { task, options } = queued;
    if (options.deduplication) {
      this.#deduplicated.set(options.deduplication.id, queued);
    }
    this.accepted(task);
  }

  accepted(task: BackgroundTask): void {
    this.#unsettled.set(task.sequence, task);
    this.#tell('added', task);
  }

  /** It is stored: not this process's affair until it takes it again, if it does. */
  stored(task: BackgroundTask): void {
    this.#leave(task);
    this.#tell('stored', task);
    this.#lookIfDrained();
  }

  /** An attempt of a stored task has failed, or was given up: another process may make the next. */
  handedBack(task: BackgroundTask, delay: number): void {
    this.#running--;
    this.#leave(task);
    this.#tell('retrying', task, delay);
    task.forget();
    this.#lookIfDrained();
  }

  started(task: BackgroundTask): void {
    this.#running++;
    this.#tell('started', task);
  }

  progressed(task: BackgroundTask): void {
    this.#tell('progress', task);
  }

  retrying(task: BackgroundTask, delay: number): void {
    this.#running--;
    this.#tell('retrying', task, delay);
  }

  /** @param wasRunning whether it was counted as running until now */
  settled(task: BackgroundTask, how: TaskEnd, wasRunning: boolean, deduplicationId?: string): void {
    this.#leave(task);
    if (deduplicationId !== undefined && this.#deduplicated.get(deduplicationId)?.task === task) {
      this.#deduplicated.delete(deduplicationId);
    }
    this.#running -= wasRunning ? 1 : 0;
    this.#ended[how]++;
    this.#tell(how, task);
    this.#lookIfDrained();
  }

  /**
   * @param timeout ms; none: for ever
   * @throws DrainTimeoutError
   */
  drain(timeout?: number): Promise<void> {
    if (this.#unsettled.size === 0) {
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const stopWaiting = () => {
        clearTimeout(timer);
        this.#drained.delete(drained);
      };
      const drained = () => {
        stopWaiting();
        resolve();
      };
      const timer = timeout
        ? setTimeout(() => {
            stopWaiting();
            reject(
              new DrainTimeoutError(
                timeout,
                Array.from(this.unsettled, (task) => task.toRecord()),
              ),
            );
          }, timeout)
        : undefined;
      this.#drained.add(drained);
    });
  }

  #leave(task: BackgroundTask): void {
    this.#unsettled.delete(task.sequence);
  }

  #lookIfDrained(): void {
    if (this.#unsettled.size === 0) {
      for (const resolve of this.#drained) {
        resolve();
      }
    }
  }

  #tell(type: TaskEventType, task: BackgroundTask, delay?: number): void {
    this.keeper.changed(task);
    if (this.#events.isObserved) {
      this.#events.emit({ type, task: task.toRecord(), ...timesOf(type, task, delay) } as TaskEvent);
    }
  }
}

function timesOf(type: TaskEventType, task: BackgroundTask, delay?: number): { [time: string]: number | undefined } {
  const { createdAt, startedAt, finishedAt } = task;
  if (type === 'retrying') {
    return { delay };
  }
  if (type === 'started') {
    return task.attempts === 1 ? { wait: between(createdAt, startedAt) } : {};
  }
  return startedAt && finishedAt ? { run: between(startedAt, finishedAt) } : {};
}

// Clocks can be set back in between.
function between(start: Date, end: Date | undefined): number {
  return Math.max(0, Number(end) - Number(start));
}
