import type { CurrentTask } from '../task/handle/current-task.ts';

interface Pending {
  readonly enqueue: Promise<void>;
  /** Resolves with the failure, and never rejects: often nobody waits for it. */
  readonly end: Promise<{ readonly error: unknown } | undefined>;
  /** Whether a caller of `settle` waits for it and hears of its failure. */
  isAwaited: boolean;
}

/** The enqueues of one context: those in flight, and the failure that no caller of `settle` has got yet. */
export class PendingEnqueues {
  // A list, though it is searched: mostly it has one element, and a set costs a request more than the rest of this class.
  readonly #inFlight: Pending[] = [];
  #unreported?: { readonly error: unknown } | undefined;

  get isEmpty(): boolean {
    return this.#inFlight.length === 0;
  }

  add(enqueue: Promise<void>): void {
    const end = enqueue.then(
      () => this.#delete(pending),
      (error: unknown) => {
        this.#delete(pending);
        if (!pending.isAwaited) {
          this.#unreported ??= { error };
        }
        return { error };
      },
    );
    const pending: Pending = { enqueue, end, isAwaited: false };
    this.#inFlight.push(pending);
  }

  /**
   * Resolves when all enqueues that are in flight now have ended. Rejects with the first failure among them, or with an
   * earlier one that no caller has got yet.
   */
  settle(): Promise<void> {
    const before = this.#unreported;
    this.#unreported = undefined;
    const [only] = this.#inFlight;
    if (only && !before && this.#inFlight.length === 1) {
      // The usual case, with fewer promises.
      only.isAwaited = true;
      return only.enqueue;
    }
    return this.#settleAll(before);
  }

  #delete(pending: Pending): undefined {
    this.#inFlight.splice(this.#inFlight.indexOf(pending), 1);
  }

  async #settleAll(before: { readonly error: unknown } | undefined): Promise<void> {
    const ends = this.#inFlight.map((pending) => {
      pending.isAwaited = true;
      return pending.end;
    });
    const failures = await Promise.all(ends);
    const failure = before ?? failures.find((it) => it !== undefined);
    if (failure) {
      throw failure.error;
    }
  }
}

/** The enqueues of each running attempt that adds tasks, and those of all other code. */
export class EnqueuesByAttempt {
  readonly #ofOthers = new PendingEnqueues();
  /** Made with the first attempt. */
  #ofAttempts?: WeakMap<CurrentTask, PendingEnqueues>;

  of(attempt: CurrentTask | undefined): PendingEnqueues {
    if (!attempt) {
      return this.#ofOthers;
    }
    const ofAttempts = (this.#ofAttempts ??= new WeakMap<CurrentTask, PendingEnqueues>());
    let enqueues = ofAttempts.get(attempt);
    if (!enqueues) {
      ofAttempts.set(attempt, (enqueues = new PendingEnqueues()));
    }
    return enqueues;
  }
}
