/** How messages name a task. */
export interface Named {
  readonly id: string;
  readonly name: string;
}

export const nameOf = (task: Named) => `"${task.name}" (${task.id})`;

/** How many tasks a message names by default. */
const MAX_NAMED = 20;

export const namesOf = (tasks: readonly Named[], max = MAX_NAMED) =>
  tasks.slice(0, max).map(nameOf).join(', ') + (tasks.length > max ? ` and ${tasks.length - max} more` : '');

/** Ends a text with exactly one full stop. */
export const sentence = (text: string) => text.replace(/\.?$/, '.');
