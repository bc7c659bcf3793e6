import { DefineTaskError } from '../../errors/task.errors.ts';
import { perThread } from '../../util/per-thread.ts';
import type { AnyFunction } from '../model/signatures.ts';
import { definedTwice } from '../task.messages.ts';

/** What a task's thread knows: undefined in any other thread. */
const thread = perThread<{ tasks?: Map<string, AnyFunction> }>('taskThread', () => ({}));

const keyOf = (module: string, name: string) => `${module}#${name}`;

/** Makes this thread one that runs tasks, and no applications. */
export function enterTaskThread(): void {
  thread.tasks ??= new Map();
}

export function isTaskThread(): boolean {
  return thread.tasks !== undefined;
}

/**
 * Elsewhere than in a task's thread nothing is kept, since nothing is looked up there.
 *
 * @throws DefineTaskError if the module has a task of that name already
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

/** Of a module that could not be loaded to its end. */
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
