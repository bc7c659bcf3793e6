import type { CurrentTask } from '../task/handle/current-task.ts';

interface Pending {
  readonly enqueue: Promise<void>;
  /** Resolves with the failure, and never rejects: often nobody waits for it. */
  readonly end: Promise<{ readonly error: unknown } | undefined>;
  /** Whether a caller of `settle` waits for it and hears of its failure. */
  isAwaited: boolean;
}

/** The enqueues of one context: those in flight, and the failure that no caller of `settle` has heard of. */
export class PendingEnqueues {
  readonly #inFlight = new Set<Pending>();
  #unreported?: { readonly error: unknown } | undefined;

  get isEmpty(): boolean {
    return this.#inFlight.size === 0;
  }

  add(enqueue: Promise<void>): void {
    const end = enqueue.then(
      () => void this.#inFlight.delete(pending),
      (error: unknown) => {
        this.#inFlight.delete(pending);
        if (!pending.isAwaited) {
          this.#unreported ??= { error };
        }
        return { error };
      },
    );
    const pending: Pending = { enqueue, end, isAwaited: false };
    this.#inFlight.add(pending);
  }

  /**
   * Resolves when all enqueues that are in flight now have ended. Rejects with the first failure among them, or with one
   * that has come before and that no caller has heard of.
   */
  settle(): Promise<void> {
    const before = this.#unreported;
    this.#unreported = undefined;
    const [only] = this.#inFlight;
    if (only && !before && this.#inFlight.size === 1) {
      // The usual case, with fewer promises.
      only.isAwaited = true;
      return only.enqueue;
    }
    return this.#settleAll(before);
  }

  async #settleAll(before: { readonly error: unknown } | undefined): Promise<void> {
    const ends = Array.from(this.#inFlight, (pending) => {
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
