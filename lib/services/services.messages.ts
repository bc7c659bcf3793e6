import { describe } from '../util/inspect.ts';

export const taskNotFound = (id: unknown) =>
  `follow: expected the id of a known task, got ${describe(id)}. Check the id, or keep settled tasks for longer.`;

export const unknownQueue = (queue: string) =>
  `list: option 'queue': expected a queue that a task names, got ${describe(queue)}.`;
