import type { BackgroundTask } from '../task/handle/background-task.ts';
import type { TaskEventType } from '../task/model/task-event.ts';

/** Hears of each step of one task. Must not throw. */
export type TaskWatcher = (task: BackgroundTask, step: TaskEventType) => void;

/** A handle; or the id of a durable task, for all attempts of it that run here. Not always the id: reading it makes one. */
export type WatchedTask = BackgroundTask | string;

/** Passes the steps of single tasks on to those who watch them. Other tasks pay nothing for it. */
export class TaskWatchers {
  readonly #byTask = new Map<WatchedTask, Set<TaskWatcher>>();

  /** @returns a function that ends it */
  watch(task: WatchedTask, watcher: TaskWatcher): () => void {
    const watchers = this.#byTask.get(task) ?? new Set();
    this.#byTask.set(task, watchers.add(watcher));
    return () => {
      watchers.delete(watcher);
      if (watchers.size === 0 && this.#byTask.get(task) === watchers) {
        this.#byTask.delete(task);
      }
    };
  }

  stepped(task: BackgroundTask, step: TaskEventType): void {
    if (this.#byTask.size > 0) {
      [...(this.#byTask.get(task.isAttempt ? task.id : task) ?? [])].forEach((watcher) => watcher(task, step));
    }
  }
}
