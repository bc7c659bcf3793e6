import { AsyncResource } from 'node:async_hooks';
import { now, setImmediate } from '../util/timers.ts';

/**
 * ms of one turn of the event loop in which functions are called. One call a turn would let the backlog grow under load,
 * when turns are long. All calls in one turn would add up their blocking.
 */
const TURN_BUDGET = 5;

/** How many empty places an array can begin with before they are cut off. */
const MAX_EMPTY = 2_000;

/** Calls functions in later turns of the event loop, first in, first out. I/O gets its turn in between. */
export class TurnQueue {
  // Each function stands before its argument. A call makes neither a closure nor a node of a list: each would cost as
  // much as the rest of a short task's way through this class.
  /** What this turn calls, or the next one. */
  #due: unknown[] = [];
  /** Where the next call is in `#due`. The places before it are empty. */
  #next = 0;
  /** What the turn after this one calls. */
  #later: unknown[] = [];
  // Made with the application. An immediate that is set in a request's async context would keep that context alive. While
  // there is work, each immediate would pass it on to the next one.
  readonly #outside = new AsyncResource('BackgroundTasks');
  #isScheduled = false;
  #isInTurn = false;

  /**
   * Calls the function with its argument: in this turn if this queue is calling functions now, otherwise in the next one.
   *
   * @param fn must not throw
   */
  schedule<T>(fn: (subject: T) => void, subject: T): void {
    this.#due.push(fn, subject);
    this.#scheduleTurn();
  }

  /** Does the same, but not in this turn. */
  scheduleLater<T>(fn: (subject: T) => void, subject: T): void {
    (this.#isInTurn ? this.#later : this.#due).push(fn, subject);
    this.#scheduleTurn();
  }

  #scheduleTurn(): void {
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      this.#outside.runInAsyncScope(setImmediate, undefined, this.#turn);
    }
  }

  readonly #turn = (): void => {
    const due = this.#due;
    const end = now() + TURN_BUDGET;
    this.#isInTurn = true;
    try {
      do {
        const fn = due[this.#next] as (subject: unknown) => void;
        const subject = due[this.#next + 1];
        // Frees what was called, even while others wait.
        due[this.#next] = due[this.#next + 1] = undefined;
        this.#next += 2;
        fn(subject);
      } while (this.#next < due.length && now() < end);
    } finally {
      this.#isInTurn = this.#isScheduled = false;
      this.#prepareNext();
    }
  };

  #prepareNext(): void {
    if (this.#next === this.#due.length) {
      this.#due = this.#later;
      this.#next = 0;
      this.#later = [];
    } else {
      if (this.#next > MAX_EMPTY && this.#next > this.#due.length / 2) {
        this.#due = this.#due.slice(this.#next);
        this.#next = 0;
      }
      for (const it of this.#later) {
        this.#due.push(it);
      }
      this.#later = [];
    }
    if (this.#due.length > 0) {
      this.#scheduleTurn();
    }
  }
}
