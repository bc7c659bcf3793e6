import type { BackgroundTask } from '../task/handle/background-task.ts';

/**
 * Sorts the tasks of this process, the newest first, each once: a durable task can have a handle for each of its attempts.
 *
 * @param tasks in any order
 */
export function newestFirst(tasks: readonly BackgroundTask[]): readonly BackgroundTask[] {
  // Mostly in order already, which makes it cheap.
  const sorted = tasks.toSorted((a, b) => b.sequence - a.sequence);
  if (!sorted.some(({ queue }) => queue !== undefined)) {
    return sorted;
  }
  const durable = new Map<string, BackgroundTask>();
  for (const task of sorted) {
    // The attempt that runs here knows more than the queue.
    if (task.queue !== undefined && (!durable.has(task.id) || !task.isEnqueued)) {
      durable.set(task.id, task);
    }
  }
  return sorted
    .filter((task) => task.queue === undefined || durable.get(task.id) === task)
    .toSorted((a, b) => b.createdTime - a.createdTime || b.sequence - a.sequence);
}
