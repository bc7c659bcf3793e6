import { TaskArgumentError } from '../../errors/task.errors.ts';
import { describe } from '../../util/inspect.ts';
import type {
  AnyFunction,
  ArgumentsOf,
  MethodName,
  ProviderClass,
  TaskResult,
  TaskTarget,
} from '../model/signatures.ts';
import { flowExpected, groupOfNone, notTheFirst } from '../task.messages.ts';
import { Flow, isFlow } from './flow.ts';
import { readTaskCall } from './read-task-call.ts';
import type { Before } from './task-call.ts';

/**
 * A task for a chain or group, given as to `addTask`. It has to be one of a queue.
 *
 * @throws TaskArgumentError if there is nothing to call
 *
 * @example
 * step(resize, previousResult, 300);
 * step(this.mailer, 'send', address);
 *
 * @since 0.2.0
 */
export function step<T extends object, K extends MethodName<T>>(
  target: TaskTarget<T>,
  method: K,
  ...args: ArgumentsOf<T[K]>
): Flow<TaskResult<T[K]>>;
export function step<T extends object, K extends MethodName<T>>(
  provider: ProviderClass<T>,
  method: K,
  ...args: ArgumentsOf<T[K]>
): Flow<TaskResult<T[K]>>;
export function step<F extends AnyFunction>(fn: F, ...args: Parameters<F>): Flow<TaskResult<F>>;
export function step(...task: unknown[]): Flow {
  return new Flow(readTaskCall('step', task));
}

/**
 * Tasks of which each runs after the one before it has completed, wherever that was. If one fails, those after it fail too,
 * without having run. What is returned stands for all of them, and its result is that of the last. The first may be a chain
 * or group itself.
 *
 * @throws TaskArgumentError
 *
 * @example
 * tasks.addTask(chain(step(download, url), step(resize, previousResult, 300), step(this.mailer, 'send', to, previousResult)));
 *
 * @since 0.2.0
 */
export function chain<R>(...steps: readonly [...Flow[], Flow<R>]): Flow<R> {
  const [first, ...rest] = steps.map((it, i) => checkFlow('chain', it, i));
  let last = first ?? checkFlow('chain', undefined, 0);
  rest.forEach((next, i) => (last = after('chain', next, i + 1, { calls: [last.call], isGroup: false })));
  return last as Flow<R>;
}

/**
 * Tasks that run at the same time, on as many workers as there are, and one that runs when all of them have completed. If
 * one fails, that one fails too, without having run. Each of the first may be a chain or group itself.
 *
 * @throws TaskArgumentError
 *
 * @example
 * tasks.addTask(group(pages.map((page) => step(render, page)), step(merge, previousResult)));
 *
 * @since 0.2.0
 */
export function group<R>(steps: readonly Flow[], then: Flow<R>): Flow<R> {
  if (!Array.isArray(steps) || steps.length === 0) {
    throw new TaskArgumentError(groupOfNone(Array.isArray(steps) ? 'none' : describe(steps)));
  }
  const calls = steps.map((it: unknown, i) => checkFlow('group', it, i).call);
  return after('group', checkFlow('group', then, steps.length), steps.length, { calls, isGroup: true }) as Flow<R>;
}

function after(caller: string, { call }: Flow, index: number, before: Before): Flow {
  if (call.before) {
    throw new TaskArgumentError(notTheFirst(caller, index, call.name));
  }
  return new Flow({ ...call, before });
}

function checkFlow(caller: string, value: unknown, index: number): Flow {
  if (!isFlow(value)) {
    throw new TaskArgumentError(flowExpected(caller, index, describe(value)));
  }
  return value;
}
