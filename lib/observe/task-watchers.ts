import type { BackgroundTask } from '../task/handle/background-task.ts';
import type { TaskEventType } from '../task/model/task-event.ts';

/**
 * Hears of each step of one task, or of all. Must not throw.
 *
 * @param delay ms until the next attempt. Only for `retrying`
 */
export type TaskWatcher = (task: BackgroundTask, step: TaskEventType, delay?: number) => void;

/** Hears of each task that is accepted, with its arguments, before its first step. Must not throw. */
export type EntryWatcher = (task: BackgroundTask, args: readonly unknown[]) => void;

/** A handle; or the id of a durable task, for all its attempts that run here. Others have no id until someone reads it. */
export type WatchedTask = BackgroundTask | string;

/** Passes the steps of tasks on to those who watch them. Tasks that nobody watches pay nothing for it. */
export class TaskWatchers {
  readonly #byTask = new Map<WatchedTask, Set<TaskWatcher>>();
  /** The watchers of all tasks. Arrays, because each step reads them. */
  #ofAll: readonly TaskWatcher[] = [];
  #ofEntries: readonly EntryWatcher[] = [];

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

  /** @returns a function that ends it */
  watchAll(watcher: TaskWatcher): () => void {
    this.#ofAll = [...this.#ofAll, watcher];
    return () => {
      this.#ofAll = this.#ofAll.filter((it) => it !== watcher);
    };
  }

  /** @returns a function that ends it */
  watchEntries(watcher: EntryWatcher): () => void {
    this.#ofEntries = [...this.#ofEntries, watcher];
    return () => {
      this.#ofEntries = this.#ofEntries.filter((it) => it !== watcher);
    };
  }

  stepped(task: BackgroundTask, step: TaskEventType, delay?: number): void {
    if (this.#byTask.size > 0) {
      [...(this.#byTask.get(task.isAttempt ? task.id : task) ?? [])].forEach((watcher) => watcher(task, step, delay));
    }
    for (const watcher of this.#ofAll) {
      watcher(task, step, delay);
    }
  }

  entered(task: BackgroundTask, args: readonly unknown[]): void {
    for (const watcher of this.#ofEntries) {
      watcher(task, args);
    }
  }
}
