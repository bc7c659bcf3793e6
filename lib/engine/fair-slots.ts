/** Gives out a fixed number of slots. Owners that wait for one take turns: an owner with many requests delays no other. */
export class FairSlots {
  /** Waiting callbacks by owner, in the order in which they asked: a Map and its Sets keep that order. */
  readonly #waiting = new Map<object, Set<() => void>>();
  #free: number;

  constructor(count: number) {
    this.#free = count;
  }

  /**
   * @param use is called when the caller has a slot, now or later. The caller then calls `release()` once
   * @returns a function that leaves the line
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
    // A key that is set again goes to the end of the Map, so the owner goes to the end of the line.
    this.#waiting.delete(owner);
    if (waiting.size > 0) {
      this.#waiting.set(owner, waiting);
    }
    use();
  }
}
