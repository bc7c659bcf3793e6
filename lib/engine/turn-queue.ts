import { AsyncResource } from 'node:async_hooks';
import Queue from 'yocto-queue';

/** Begins jobs in later turns of the event loop, first in, first out, so that I/O gets its turn between them. */
export class TurnQueue {
  readonly #jobs = new Queue<() => void>();
  // Made with the application: an immediate that was set in a request's context would keep that context alive, and
  // pass it on to the next one, for as long as there is work.
  readonly #outside = new AsyncResource('BackgroundTasks');
  #armed = false;

  /** @param job must not throw */
  schedule(job: () => void): void {
    this.#jobs.enqueue(job);
    if (!this.#armed) {
      this.#arm();
    }
  }

  #arm(): void {
    this.#armed = true;
    this.#outside.runInAsyncScope(setImmediate, undefined, this.#turn);
  }

  // One job a turn would let the backlog grow wherever turns are long because requests are many; all of them at once
  // would add up their blocking. So a turn begins jobs for this long, and the rest waits for the next.
  readonly #turn = (): void => {
    const end = performance.now() + TURN_BUDGET;
    try {
      do {
        this.#jobs.dequeue()!();
      } while (this.#jobs.size > 0 && performance.now() < end);
    } finally {
      // Whatever happens, the rest gets its turn.
      if (this.#jobs.size > 0) {
        this.#arm();
      } else {
        this.#armed = false;
      }
    }
  };
}

/** ms of one turn of the event loop in which jobs are begun. */
const TURN_BUDGET = 5;
