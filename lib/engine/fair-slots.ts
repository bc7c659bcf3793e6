/** Gives out so many slots, and where they are short, to one owner after the other, however much each of them asks for. */
export class FairSlots {
  /** Who waits, and with what: a Map and its Sets keep the order in which they were asked. */
  readonly #asking = new Map<object, Set<() => void>>();
  #free: number;

  constructor(count: number) {
    this.#free = count;
  }

  /**
   * @param use is called, at once or later, when a slot is its own; it has to be given back by `release`
   * @returns gives up waiting for it
   */
  acquire(owner: object, use: () => void): () => void {
    if (this.#free > 0) {
      this.#free--;
      use();
      return () => undefined;
    }
    let waiting = this.#asking.get(owner);
    if (!waiting) {
      this.#asking.set(owner, (waiting = new Set()));
    }
    waiting.add(use);
    return () => {
      waiting.delete(use);
      if (waiting.size === 0 && this.#asking.get(owner) === waiting) {
        this.#asking.delete(owner);
      }
    };
  }

  release(): void {
    const next = this.#asking.entries().next().value;
    if (!next) {
      this.#free++;
      return;
    }
    const [owner, waiting] = next;
    const [use] = waiting as Set<() => void> & [() => void];
    waiting.delete(use);
    // To the end of the line, which is what the order of a Map's entries is.
    this.#asking.delete(owner);
    if (waiting.size > 0) {
      this.#asking.set(owner, waiting);
    }
    use();
  }
}
