/** Gives out a fixed number of slots. Where slots are short, owners take turns, however many slots each asks for. */
export class FairSlots {
  /** Waiting callbacks by owner, in the order in which they asked: a Map and its Sets keep that order. */
  readonly #waiting = new Map<object, Set<() => void>>();
  #free: number;

  constructor(count: number) {
    this.#free = count;
  }

  /**
   * @param use is called with the slot, now or later; then the caller owes a `release()`
   * @returns gives up the place in the line
   */
  acquire(owner: object, use: () => void): () => void {
    if (this.#free > 0) {
      this.#free--;
      use();
      return () => undefined;
    }
    let waiting = this.#waiting.get(owner);
    if (!waiting) {
      this.#waiting.set(owner, (waiting = new Set()));
    }
    waiting.add(use);
    return () => {
      waiting.delete(use);
      if (waiting.size === 0 && this.#waiting.get(owner) === waiting) {
        this.#waiting.delete(owner);
      }
    };
  }

  release(): void {
    const next = this.#waiting.entries().next().value;
    if (!next) {
      this.#free++;
      return;
    }
    const [owner, waiting] = next;
    const [use] = waiting as Set<() => void> & [() => void];
    waiting.delete(use);
    // Set anew, the owner goes to the end of the line.
    this.#waiting.delete(owner);
    if (waiting.size > 0) {
      this.#waiting.set(owner, waiting);
    }
    use();
  }
}
