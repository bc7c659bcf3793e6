import Queue from 'yocto-queue';

/** Gives out so many slots, and where they are short, to one owner after the other, however much each of them asks for. */
export class FairSlots {
  readonly #asking = new Map<object, Queue<() => void>>();
  #free: number;

  constructor(count: number) {
    this.#free = count;
  }

  /** @param use is called, at once or later, when a slot is its own; it has to be given back by `release` */
  acquire(owner: object, use: () => void): void {
    if (this.#free > 0) {
      this.#free--;
      use();
      return;
    }
    let queue = this.#asking.get(owner);
    if (!queue) {
      this.#asking.set(owner, (queue = new Queue()));
    }
    queue.enqueue(use);
  }

  release(): void {
    const next = this.#asking.entries().next().value;
    if (!next) {
      this.#free++;
      return;
    }
    const [owner, queue] = next;
    const use = queue.dequeue()!;
    // To the end of the line, which is what the order of a Map's entries is.
    this.#asking.delete(owner);
    if (queue.size > 0) {
      this.#asking.set(owner, queue);
    }
    use();
  }
}
