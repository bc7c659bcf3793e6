import type { BackgroundTask } from '../task/handle/background-task.ts';

/** The unsettled tasks in the order in which they came: a list of which each handle is a link, because a Map costs more. */
export class UnsettledTasks {
  #first?: BackgroundTask | undefined;
  #last?: BackgroundTask | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(task: BackgroundTask): void {
    const last = this.#last;
    if (last) {
      last.next = task;
      task.previous = last;
    } else {
      this.#first = task;
    }
    this.#last = task;
    this.#size++;
  }

  /** Does nothing for a task that is not there. */
  delete(task: BackgroundTask): void {
    const { previous, next } = task;
    if (previous) {
      previous.next = next;
    } else if (this.#first === task) {
      this.#first = next;
    } else {
      return;
    }
    if (next) {
      next.previous = previous;
    } else {
      this.#last = previous;
    }
    task.previous = task.next = undefined;
    this.#size--;
  }

  toArray(): BackgroundTask[] {
    const tasks: BackgroundTask[] = [];
    for (let task = this.#first; task; task = task.next) {
      tasks.push(task);
    }
    return tasks;
  }
}
