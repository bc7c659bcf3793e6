import { DefineTaskError } from '../../errors/task.errors.ts';
import { perThread } from '../../util/per-thread.ts';
import type { AnyFunction } from '../model/signatures.ts';
import { definedTwice } from '../task.messages.ts';

/** The tasks of this thread. `tasks` is undefined in a thread that doesn't run tasks, such as the main thread. */
const thread = perThread<{ tasks?: Map<string, AnyFunction> }>('taskThread', () => ({}));

const keyOf = (module: string, name: string) => `${module}#${name}`;

/** Marks this thread as one that runs tasks and never an application. */
export function enterTaskThread(): void {
  thread.tasks ??= new Map();
}

export function isTaskThread(): boolean {
  return thread.tasks !== undefined;
}

/**
 * Registers a task. Does nothing in a thread that runs no tasks, because nothing looks them up there.
 *
 * @throws DefineTaskError if the file already defines a task of that name
 */
export function registerThreadTask(module: string, name: string, fn: AnyFunction): void {
  if (!thread.tasks) {
    return;
  }
  const key = keyOf(module, name);
  if (thread.tasks.has(key)) {
    throw new DefineTaskError(definedTwice(name, module));
  }
  thread.tasks.set(key, fn);
}

/** Removes the tasks of a file that threw while it was loaded. */
export function forgetThreadTasks(module: string): void {
  for (const key of thread.tasks?.keys() ?? []) {
    if (key.startsWith(keyOf(module, ''))) {
      thread.tasks?.delete(key);
    }
  }
}

export function findThreadTask(module: string, name: string): AnyFunction | undefined {
  return thread.tasks?.get(keyOf(module, name));
}
