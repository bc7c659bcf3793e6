import { AsyncLocalStorage } from 'node:async_hooks';
import { shuttingDown, ShuttingDownError, TooManyTasksError } from '../errors/unavailable.errors.ts';
import { tooManyTasks } from './engine.messages.ts';
import type { TaskTracker } from './task-tracker.ts';

/**
 * How far an application is with closing. `open`: not at all. `draining`: it finishes what it has; requests that arrive now
 * can add no tasks. `drained`: providers close, so that no request can; what they start themselves is accepted. `closed`:
 * nothing is.
 */
export type Phase = 'open' | 'draining' | 'drained' | 'closed';

const PHASES: readonly Phase[] = ['open', 'draining', 'drained', 'closed'];

/** Decides which tasks are accepted, at the moment when they are added. */
export class Admission {
  #phase: Phase = 'open';
  readonly #late = new AsyncLocalStorage<() => boolean>();

  constructor(
    /** How many may be accepted and not settled. */
    private readonly maxPending: number,
    private readonly tracker: TaskTracker,
  ) {}

  get phase(): Phase {
    return this.#phase;
  }

  /** Only ever goes on, in whichever order an application is told to close, and however often. */
  goOnTo(phase: Phase): void {
    if (PHASES.indexOf(phase) > PHASES.indexOf(this.#phase)) {
      this.#phase = phase;
    }
  }

  /** Calls a function for a request that comes too late to add tasks, also through `TaskRunner`, as long as that is so. */
  runLate<T>(isTooLate: () => boolean, fn: () => T): T {
    return this.#late.run(isTooLate, fn);
  }

  /** @throws TooManyTasksError, ShuttingDownError */
  check(name: string): void {
    if (this.#phase === 'closed' || (this.#phase !== 'open' && this.#late.getStore()?.())) {
      throw new ShuttingDownError(shuttingDown(name));
    }
    if (this.tracker.size >= this.maxPending) {
      throw new TooManyTasksError(tooManyTasks(name, this.maxPending));
    }
  }
}
