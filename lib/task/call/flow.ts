import { read } from '../../util/inspect.ts';
import type { TaskCall } from './task-call.ts';

const brand = Symbol.for('nestjs-background-tasks.flow');

/**
 * A task that is not added yet, with those that have to be done before it: what `step`, `chain` and `group` return, and
 * `addTask` and `start` take.
 *
 * @since 0.2.0
 */
export class Flow<R = unknown> {
  /** What its last task results in. */
  declare readonly result: R;

  /** @internal */
  readonly [brand] = true;

  /** @internal made by `step`, `chain` and `group` */
  constructor(readonly call: TaskCall) {}
}

/** Also of another copy of this package, and never a question that a proxy answers by throwing. */
export function isFlow(value: unknown): value is Flow {
  return typeof value === 'object' && value !== null && read(value, brand) === true;
}

const PREVIOUS: unique symbol = Symbol.for('nestjs-background-tasks.previous-result');

/**
 * As an argument of a step: what the step before it in a chain has resulted in; in the last step of a group, the results of all
 * others as an array, in their order.
 *
 * @since 0.2.0
 */
export const previousResult: never = PREVIOUS as never;

/** Which of these arguments are results that aren't there yet. */
export function positionsOfPrevious(args: readonly unknown[]): number[] {
  return args.flatMap((arg, i) => (arg === PREVIOUS ? [i] : []));
}
