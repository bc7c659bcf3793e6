import { TaskArgumentError } from '../../errors/task.errors.ts';
import { kindOf } from '../../util/inspect.ts';
import type { AnyFunction, TaskResult } from '../model/signatures.ts';
import { flowExpected, groupOfNone, notTheFirst } from '../task.messages.ts';
import type {
  FunctionArguments,
  FunctionOr,
  Method,
  MethodArguments,
  MethodOf,
  Target,
  TaskFunction,
} from './call-types.ts';
import { Flow, isFlow } from './flow.ts';
import { readTaskCall } from './read-task-call.ts';
import type { Before } from './task-call.ts';

/**
 * Describes a task for a chain or group, with the same arguments as `addTask`.
 *
 * The task must have a queue.
 *
 * @throws TaskArgumentError if there is nothing to call
 *
 * @example
 * step(resize, previousResult, 300);
 * step(this.mailer, 'send', address);
 * step(this, 'ownMethod', address);
 *
 * @since 0.1.0
 */
export function step<
  Members,
  Name extends keyof Members,
  K extends string | symbol,
  Instance = unknown,
  Params extends unknown[] = never,
  Given extends unknown[] = never,
  IsInferred = true,
>(
  target: Target<Members, Name, Instance, Params, K, IsInferred>,
  method: Method<Members, Name, Instance, Params, K>,
  ...args: MethodArguments<Members, Name, Instance, Params, K, Given>
): Flow<TaskResult<MethodOf<Members, Name, Instance, K>>>;
export function step<
  F extends TaskFunction = AnyFunction,
  Members = unknown,
  Name extends keyof Members = never,
  Instance = unknown,
  const Given extends readonly unknown[] = never,
  IsInferred = true,
>(
  task: FunctionOr<F, Members, Name, Instance, IsInferred>,
  ...args: FunctionArguments<F, Members, Name, Instance, Given>
): Flow<TaskResult<F>>;
export function step(...task: unknown[]): Flow {
  return new Flow(readTaskCall('step', task));
}

/**
 * Joins steps that run one after the other, in any process.
 *
 * Each step runs when the step before it has completed. If a step fails, the steps after it fail without running. The
 * result is that of the last step. Only the first item may be a chain or group.
 *
 * @throws TaskArgumentError if there is no step, an item is not a step, or a later item is a chain or group
 *
 * @example
 * tasks.addTask(chain(step(download, url), step(resize, previousResult, 300), step(this.mailer, 'send', to, previousResult)));
 *
 * @since 0.1.0
 */
export function chain<R>(...steps: readonly [...Flow[], Flow<R>]): Flow<R> {
  const [first, ...rest] = steps.map((it, i) => checkFlow('chain', it, i));
  let last = first ?? checkFlow('chain', undefined, 0);
  rest.forEach((next, i) => (last = after('chain', next, i + 1, { calls: [last.call], isGroup: false })));
  return last as Flow<R>;
}

/**
 * Joins steps that run at the same time, in any process, and a last step after them.
 *
 * The last step runs when all others have completed. If one of them fails, the last one fails without running. Each of
 * `steps` may be a chain or group.
 *
 * @param then the last step; its result is the result of the group
 * @throws TaskArgumentError if there are no steps, an item is not a step, or `then` is a chain or group
 *
 * @example
 * tasks.addTask(group(pages.map((page) => step(render, page)), step(merge, previousResult)));
 *
 * @since 0.1.0
 */
export function group<R>(steps: readonly Flow[], then: Flow<R>): Flow<R> {
  if (!Array.isArray(steps) || steps.length === 0) {
    throw new TaskArgumentError(groupOfNone(Array.isArray(steps) ? 'none' : kindOf(steps)));
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
    throw new TaskArgumentError(flowExpected(caller, index, kindOf(value)));
  }
  return value;
}
