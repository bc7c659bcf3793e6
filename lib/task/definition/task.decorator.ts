import 'reflect-metadata';
import { types } from 'node:util';
import { DefineTaskError } from '../../errors/task.errors.ts';
import { classNameOf, describe } from '../../util/inspect.ts';
import { taskOfNoMethod } from '../task.messages.ts';
import { attachMethodDefinition, noteDecorated } from './task-definition.ts';
import { assertWithinTimer, checkTaskOptions, checkWhereStored, type StoredTaskOptions } from './task-options.ts';

/**
 * Gives a provider's method options of its own, for every place that adds it.
 *
 * The task is named `Class.method`, after the class of the object; the option `name` overrides this. The options apply
 * only where the method is added by its name: a function that calls it, such as `() => this.sendWelcome(address)`, is
 * another task, without them.
 *
 * @throws DefineTaskError if it decorates something other than a method, or a generator
 * @throws InvalidOptionError if an option is unknown or wrong
 *
 * @example
 * @Injectable()
 * export class Mailer {
 *   @Task({ attempts: 3, backoff: { type: 'exponential', delay: 1_000 } })
 *   async sendWelcome(address: string) { … }
 * }
 *
 * // a controller
 * this.tasks.addTask(this.mailer, 'sendWelcome', address);
 *
 * // another method of Mailer
 * this.tasks.addTask(this, 'sendWelcome', address);
 *
 * @since 0.1.0
 */
export function Task({ queue, repeat, ...options }: StoredTaskOptions = {}): MethodDecorator {
  const checked = checkTaskOptions('@Task', options);
  const stored = checkWhereStored('@Task', { queue, repeat });
  return (holder, name, descriptor) => {
    const method: unknown = descriptor?.value;
    if (typeof method !== 'function' || types.isGeneratorFunction(method)) {
      throw new DefineTaskError(taskOfNoMethod(classNameOf(holder), String(name), describe(method)));
    }
    if (queue === undefined) {
      assertWithinTimer(checked.name ?? `${classNameOf(holder)}.${String(name)}`, checked);
    }
    attachMethodDefinition(method, { name: checked.name, thread: undefined, ...stored, options: checked });
    noteDecorated(holder, name);
  };
}
