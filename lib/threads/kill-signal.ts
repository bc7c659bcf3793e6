/**
 * The abort signal of one run, with only what Piscina uses of it. Every run needs one, and an `AbortController` would be a
 * large part of the cost of a run.
 */
export class KillSignal {
  aborted = false;
  #isSilent = false;
  #onAbort?: (() => void) | undefined;

  /** Piscina calls it once, for `abort`. */
  addEventListener(_type: string, listener: () => void): void {
    this.#onAbort = listener;
  }

  /** Piscina calls it when the run has ended. */
  removeEventListener(): void {
    this.#onAbort = undefined;
  }

  /** Makes Piscina reject the run, and kill its thread if it has one. */
  abort(): void {
    this.aborted = true;
    const listener = this.#onAbort;
    this.#onAbort = undefined;
    listener?.();
  }

  /**
   * Marks the run as aborted in Piscina without a rejection. For a run whose `piscina.run()` threw because no thread can
   * start. Piscina has kept the run: unless it is marked, Piscina's next thread would run it. And no code has the promise of
   * the run, so a rejection would be unhandled.
   */
  abortSilently(): void {
    this.#isSilent = true;
    try {
      this.abort();
    } catch (error) {
      if (!(error instanceof Silenced)) {
        throw error;
      }
    }
  }

  /** Piscina reads this after it has marked the run as aborted and before it rejects. A throw here prevents the rejection. */
  get reason(): undefined {
    if (this.#isSilent) {
      throw new Silenced();
    }
    return undefined;
  }
}

class Silenced extends Error {}
