import { AsyncResource } from 'node:async_hooks';
import { now, setImmediate } from '../util/timers.ts';
import { Queue } from '../vendor/yocto-queue.ts';

/**
 * ms of one turn of the event loop in which functions are called. One call a turn would let the backlog grow under load,
 * when turns are long. All calls in one turn would add up their blocking.
 */
const TURN_BUDGET = 5;

/** Calls functions in later turns of the event loop, first in, first out. I/O gets its turn in between. */
export class TurnQueue {
  readonly #waiting = new Queue<() => void>();
  // Made with the application. An immediate that is set in a request's async context keeps that context alive, and
  // passes it on to the next immediate, for as long as there is work.
  readonly #outside = new AsyncResource('BackgroundTasks');
  #isScheduled = false;

  /** @param fn must not throw */
  schedule(fn: () => void): void {
    this.#waiting.enqueue(fn);
    if (!this.#isScheduled) {
      this.#scheduleTurn();
    }
  }

  #scheduleTurn(): void {
    this.#isScheduled = true;
    this.#outside.runInAsyncScope(setImmediate, undefined, this.#turn);
  }

  readonly #turn = (): void => {
    const end = now() + TURN_BUDGET;
    try {
      do {
        this.#waiting.dequeue()!();
      } while (this.#waiting.size > 0 && now() < end);
    } finally {
      if (this.#waiting.size > 0) {
        this.#scheduleTurn();
      } else {
        this.#isScheduled = false;
      }
    }
  };
}
