import 'reflect-metadata';
import { types } from 'node:util';
import { DefineTaskError } from '../../errors/task.errors.ts';
import { classNameOf, describe } from '../../util/inspect.ts';
import { taskOfNoMethod } from '../task.messages.ts';
import { attachMethodDefinition } from './task-definition.ts';
import { checkTaskOptions, checkWhereStored, type StoredTaskOptions } from './task-options.ts';

/**
 * Gives a provider's method options of its own, which hold wherever it is added. Its name is `Class.method`, the class
 * being that of the object that was given, unless the option `name` says otherwise.
 *
 * @throws DefineTaskError if it decorates no method, or a generator; InvalidOptionError
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
    attachMethodDefinition(method, { name: checked.name, thread: undefined, ...stored, options: checked });
  };
}
