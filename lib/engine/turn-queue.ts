import { AsyncResource } from 'node:async_hooks';
import { now, setImmediate } from '../util/timers.ts';

/**
 * ms of one turn of the event loop in which functions are called. One call a turn would let the backlog grow under load,
 * when turns are long. All calls in one turn would add up their blocking.
 */
const TURN_BUDGET = 5;

/**
 * Calls functions in later turns of the event loop, first in, first out. I/O gets its turn in between. What a function
 * schedules runs in a later turn than the function itself.
 */
export class TurnQueue {
  // Each function stands before its argument. Neither a closure nor a node of a list is made for a call: both would cost as
  // much as the rest of a short task's way through this class.
  /** What this turn, or the next one, calls. */
  #due: unknown[] = [];
  /** How far `#due` is called. */
  #next = 0;
  /** What later turns call. */
  #later: unknown[] = [];
  // Made with the application. An immediate that is set in a request's async context keeps that context alive, and
  // passes it on to the next immediate, for as long as there is work.
  readonly #outside = new AsyncResource('BackgroundTasks');
  #isScheduled = false;

  /** @param fn must not throw */
  schedule<T>(fn: (subject: T) => void, subject: T): void {
    this.#later.push(fn, subject);
    if (!this.#isScheduled) {
      this.#scheduleTurn();
    }
  }

  #scheduleTurn(): void {
    this.#isScheduled = true;
    this.#outside.runInAsyncScope(setImmediate, undefined, this.#turn);
  }

  readonly #turn = (): void => {
    if (this.#next === this.#due.length) {
      this.#due = this.#later;
      this.#next = 0;
      this.#later = [];
    }
    const due = this.#due;
    const end = now() + TURN_BUDGET;
    try {
      do {
        const fn = due[this.#next] as (subject: unknown) => void;
        const subject = due[this.#next + 1];
        // A call that is over is not kept for those that wait.
        due[this.#next] = due[this.#next + 1] = undefined;
        this.#next += 2;
        fn(subject);
      } while (this.#next < due.length && now() < end);
    } finally {
      this.#isScheduled = false;
      if (this.#next < due.length || this.#later.length > 0) {
        this.#scheduleTurn();
      } else {
        this.#due = [];
        this.#next = 0;
      }
    }
  };
}
