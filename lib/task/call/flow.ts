import { read } from '../../util/inspect.ts';
import type { TaskCall } from './task-call.ts';

const brand = Symbol.for('nestjs-background-tasks.flow');

/**
 * Describes a step, chain or group that is not added yet.
 *
 * `step`, `chain` and `group` return it; `addTask` and `start` take it.
 *
 * @since 0.1.0
 */
export class Flow<R = unknown> {
  /** The type of the result of its last step. Exists only for the compiler. */
  declare readonly result: R;

  /** @internal */
  readonly [brand] = true;

  // Loggers write what they are given, and the call holds the arguments of the task.
  readonly #call: TaskCall;

  /** @internal made by `step`, `chain` and `group` */
  constructor(call: TaskCall) {
    this.#call = call;
  }

  /** @internal */
  get call(): TaskCall {
    return this.#call;
  }
}

/** Whether a value is a flow, also of another copy of this package. Returns `false` if a proxy throws. */
export function isFlow(value: unknown): value is Flow {
  return typeof value === 'object' && value !== null && read(value, brand) === true;
}

const PREVIOUS: unique symbol = Symbol.for('nestjs-background-tasks.previous-result');

/**
 * Stands for a result as an argument of a step.
 *
 * In a chain: the result of the step before. In the last step of a group: an array of the results of all other steps,
 * in their order.
 *
 * @throws TaskArgumentError from `addTask` and `start`, if no step comes before the step that it is passed to
 *
 * @example
 * chain(step(download, url), step(resize, previousResult, 300));
 *
 * @since 0.1.0
 */
export const previousResult: never = PREVIOUS as never;

/** The positions of `previousResult` in a list of arguments. */
export function positionsOfPrevious(args: readonly unknown[]): number[] {
  const positions: number[] = [];
  args.forEach((arg, i) => {
    if (arg === PREVIOUS) {
      positions.push(i);
    }
  });
  return positions;
}
