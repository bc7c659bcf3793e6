import { DefineTaskError } from '../../errors/task.errors.ts';
import { describe } from '../../util/inspect.ts';
import { nonEmptyString } from '../../validation/option-rules.ts';
import type { AnyFunction } from '../model/signatures.ts';
import { defineWithoutFunction, defineWithoutName } from '../task.messages.ts';
import { queuedFunctions } from './queued-functions.ts';
import { attachDefinition } from './task-definition.ts';
import { assertWithinTimer, checkTaskOptions, checkWhereStored, type StoredTaskOptions } from './task-options.ts';
import { threadModule } from './thread-module.ts';
import { registerThreadTask } from './thread-registry.ts';

/**
 * Describes the options of `defineTask`.
 *
 * @since 0.1.0
 */
export interface DefineTaskOptions extends StoredTaskOptions {
  /**
   * Runs the task in a worker thread. The value is the file that defines the task.
   *
   * Write `import.meta.url`, or in CommonJS `__filename`. The thread loads that file, so define the task at its top
   * level. In a bundle, give the entry that the bundler makes of that file: `join(__dirname, 'report.task.js')`.
   *
   * @default none: the task runs on the event loop
   */
  thread?: string | URL;
}

/**
 * Gives a function options of its own.
 *
 * With the option `thread` it runs in a worker thread, and with `queue` it can run in another process.
 *
 * @returns a function with the same signature. Pass it to `addTask` or `start`. Calling it calls `fn` directly
 * @throws DefineTaskError if `fn` is not a function or has no name, or if a thread can't find it in the file of `thread`
 * @throws InvalidOptionError if an option is unknown or wrong
 *
 * @example
 * // reports.task.ts: import what the task needs, not the application
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
export function defineTask<F extends AnyFunction>(fn: F, given: DefineTaskOptions = {}): F {
  const { thread, queue, repeat, ...options } = given;
  if (typeof fn !== 'function') {
    throw new DefineTaskError(defineWithoutFunction(describe(fn)));
  }
  const name = options.name ?? fn.name;
  if (!nonEmptyString.accepts(name)) {
    throw new DefineTaskError(defineWithoutName(describe(name)));
  }
  const checked = checkTaskOptions('defineTask', options);
  if (queue === undefined) {
    assertWithinTimer(name, checked);
  }
  // Also if it is undefined: bundlers that write CommonJS leave nothing of `import.meta.url`.
  const module = 'thread' in given ? threadModule(name, thread, defineTask as AnyFunction) : undefined;
  const task = function (this: unknown, ...args: unknown[]): unknown {
    return fn.apply(this, args);
  };
  Object.defineProperties(task, { name: { value: name }, length: { value: fn.length } });
  attachDefinition(task, {
    name,
    thread: module === undefined ? undefined : { module, name },
    ...checkWhereStored('defineTask', { queue, repeat }),
    options: checked,
  });
  if (queue !== undefined) {
    queuedFunctions.add(name, task as AnyFunction, defineTask as AnyFunction);
  }
  if (module !== undefined) {
    registerThreadTask(module, name, fn);
  }
  return task as F;
}
