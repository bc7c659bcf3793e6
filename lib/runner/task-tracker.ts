import { Subject, type Observable } from 'rxjs';
import { DrainTimeoutError } from '../errors/drain-timeout.error.ts';
import type { BackgroundTask, TaskEnd } from '../task/background-task.ts';
import type { TaskEvent } from '../task/task-event.ts';

/** Knows every task that was accepted and has not come to its end, and tells of each step. */
export class TaskTracker {
  readonly #unsettled = new Set<BackgroundTask>();
  readonly #events = new Subject<TaskEvent>();
  readonly #drained = new Set<() => void>();

  readonly events: Observable<TaskEvent> = this.#events.asObservable();

  added(task: BackgroundTask): void {
    this.#unsettled.add(task);
    this.#emit('added', task);
  }

  started(task: BackgroundTask): void {
    this.#emit('started', task);
  }

  progressed(task: BackgroundTask): void {
    this.#emit('progress', task);
  }

  settled(task: BackgroundTask, how: TaskEnd): void {
    this.#unsettled.delete(task);
    this.#emit(how, task);
    if (this.#unsettled.size === 0) {
      for (const resolve of this.#drained) {
        resolve();
      }
    }
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
                Array.from(this.#unsettled, (task) => task.toJSON()),
              ),
            );
          }, timeout)
        : undefined;
      this.#drained.add(drained);
    });
  }

  #emit(type: TaskEvent['type'], task: BackgroundTask): void {
    if (this.#events.observed) {
      this.#events.next({ type, task: task.toJSON() });
    }
  }
}
