import type { BackgroundTask } from '../../task/handle/background-task.ts';

/** Collects the tasks that have changed, each once. If there are too many, it keeps those that changed last. */
export class ChangedTasks {
  /** By id or by sequence number: a durable task has a handle for itself and one for each attempt. */
  #byKey = new Map<string | number, BackgroundTask>();
  #hasMore = false;

  constructor(private readonly max: number) {}

  add(task: BackgroundTask): void {
    const key = task.queue === undefined ? task.sequence : task.id;
    // Moves it to the end, so that the first one is the one that changed the longest time ago.
    this.#byKey.delete(key);
    this.#byKey.set(key, task);
    if (this.#byKey.size > this.max) {
      this.#byKey.delete(this.#byKey.keys().next().value!);
      this.#hasMore = true;
    }
  }

  /** Returns what was collected, and begins anew. */
  take(): { readonly tasks: readonly BackgroundTask[]; readonly hasMore: boolean } {
    const taken = { tasks: [...this.#byKey.values()], hasMore: this.#hasMore };
    this.#byKey = new Map();
    this.#hasMore = false;
    return taken;
  }
}
