import { DefineTaskError } from '../../errors/task.errors.ts';
import { describe } from '../../util/inspect.ts';
import { nonEmptyString } from '../../validation/option-rules.ts';
import type { AnyFunction } from '../model/signatures.ts';
import { defineWithoutFunction, defineWithoutName } from '../task.messages.ts';
import { attachDefinition, defineStoredFunction } from './task-definition.ts';
import { checkTaskOptions, checkWhereStored, type StoredTaskOptions } from './task-options.ts';
import { threadModule } from './thread-module.ts';
import { registerThreadTask } from './thread-registry.ts';

/**
 * What can be said of a task where it is defined.
 *
 * @since 0.1.0
 */
export interface DefineTaskOptions extends StoredTaskOptions {
  /**
   * The module that defines the task, `import.meta.url` or in CommonJS `__filename`, if it is to run in a worker thread.
   * The thread loads that module: the task has to be defined at its top level.
   */
  thread?: string | URL;
}

/**
 * Gives a function an identity, so that it can run elsewhere than where it was added, and options of its own.
 *
 * @returns a function of the same signature: given to `addTask` or `start` it is the task; called, it is called directly
 * @throws DefineTaskError if it has no name, or its module can't be loaded in a thread
 * @throws InvalidOptionError
 *
 * @example
 * // reports.task.ts: import what the task needs, and not the application
 * import { defineTask } from 'nestjs-background-tasks/task';
 *
 * export const renderReport = defineTask(
 *   function renderReport(id: string) { … },
 *   { thread: import.meta.url, timeout: 60_000 },
 * );
 *
 * // a controller
 * this.tasks.addTask(renderReport, id);
 *
 * @since 0.1.0
 */
export function defineTask<F extends AnyFunction>(
  fn: F,
  { thread, queue, repeat, ...options }: DefineTaskOptions = {},
): F {
  if (typeof fn !== 'function') {
    throw new DefineTaskError(defineWithoutFunction(describe(fn)));
  }
  const name = options.name ?? fn.name;
  if (!nonEmptyString.accepts(name)) {
    throw new DefineTaskError(defineWithoutName(describe(name)));
  }
  const module = thread === undefined ? undefined : threadModule(name, thread);
  const task = function (this: unknown, ...args: unknown[]): unknown {
    return fn.apply(this, args);
  };
  Object.defineProperties(task, { name: { value: name }, length: { value: fn.length } });
  attachDefinition(task, {
    name,
    thread: module === undefined ? undefined : { module, name },
    ...checkWhereStored('defineTask', { queue, repeat }),
    options: checkTaskOptions('defineTask', options),
  });
  if (queue !== undefined) {
    defineStoredFunction(name, task as AnyFunction);
  }
  if (module !== undefined) {
    registerThreadTask(module, name, fn);
  }
  return task as F;
}
