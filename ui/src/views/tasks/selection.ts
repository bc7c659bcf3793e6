import { signal } from '@preact/signals';
import type { TaskRow } from '../../api/wire.ts';

/** The selected tasks by id, as they were last seen. */
export const selection = signal<ReadonlyMap<string, TaskRow>>(new Map());

export function setSelected(tasks: TaskRow[], isSelected: boolean): void {
  const next = new Map(selection.value);
  for (const task of tasks) {
    if (isSelected) {
      next.set(task.id, task);
    } else {
      next.delete(task.id);
    }
  }
  selection.value = next;
}

export function clearSelection(): void {
  if (selection.value.size > 0) {
    selection.value = new Map();
  }
}

/** Takes what has become of selected tasks. */
export function updateSelection(tasks: TaskRow[]): void {
  const changed = tasks.filter((it) => selection.value.has(it.id));
  if (changed.length > 0) {
    setSelected(changed, true);
  }
}
