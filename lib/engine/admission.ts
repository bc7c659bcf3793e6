import { AsyncLocalStorage } from 'node:async_hooks';
import {
  ShuttingDownError,
  shuttingDown,
  TooManyTasksError,
  type UnavailableError,
} from '../errors/unavailable.errors.ts';
import { tooManyTasks } from './engine.messages.ts';
import type { TaskTracker } from './task-tracker.ts';

/**
 * How far the application has come with closing.
 *
 * | phase      | who may add tasks                                                         |
 * | ---------- | ------------------------------------------------------------------------- |
 * | `open`     | everybody                                                                 |
 * | `draining` | requests that arrived before, their tasks, code outside of requests       |
 * | `drained`  | code outside of requests: providers that close may still start tasks      |
 * | `closed`   | nobody                                                                    |
 *
 * Until `closed`, a request whose head is sent or whose handler has ended may add tasks: no error can reach its client.
 */
export type Phase = 'open' | 'draining' | 'drained' | 'closed';

const PHASES: readonly Phase[] = ['open', 'draining', 'drained', 'closed'];

/** Accepts or refuses a task at the moment when it is added. */
export class Admission {
  #phase: Phase = 'open';
  #refused = 0;
  readonly #isTooLate = new AsyncLocalStorage<() => boolean>();

  constructor(
    /** How many tasks may be accepted and unsettled. */
    private readonly maxPending: number,
    private readonly tracker: TaskTracker,
  ) {}

  get phase(): Phase {
    return this.#phase;
  }

  /** How many tasks were refused. */
  get refused(): number {
    return this.#refused;
  }

  /** Counts a refused task. @returns the error, for `throw` */
  refuse(error: UnavailableError): UnavailableError {
    this.#refused++;
    return error;
  }

  /** Phases only move forward. */
  goOnTo(phase: Phase): void {
    if (PHASES.indexOf(phase) > PHASES.indexOf(this.#phase)) {
      this.#phase = phase;
    }
  }

  /**
   * Calls a function for a request that arrived while the application closes. While `isTooLate` returns `true`, `check`
   * refuses every task that the function adds, also by `TaskRunner`.
   */
  runLate<T>(isTooLate: () => boolean, fn: () => T): T {
    return this.#isTooLate.run(isTooLate, fn);
  }

  /** @throws TooManyTasksError, ShuttingDownError */
  check(name: string): void {
    if (this.#phase === 'closed' || (this.#phase !== 'open' && this.#isTooLate.getStore()?.())) {
      throw this.refuse(new ShuttingDownError(shuttingDown(name)));
    }
    if (this.tracker.size >= this.maxPending) {
      throw this.refuse(new TooManyTasksError(tooManyTasks(name, this.maxPending)));
    }
  }
}
