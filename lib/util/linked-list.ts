/** A link of a list, and what the list holds. Its list alone sets the two properties. */
export interface Linked<T> {
  previous: T | undefined;
  next: T | undefined;
}

/** A list in which each item is its own link: to add an item and to delete it costs less than in a Map or a Set. */
export class LinkedList<T extends Linked<T>> {
  #first?: T | undefined;
  #last?: T | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @param item is in no list */
  add(item: T): void {
    const last = this.#last;
    if (last) {
      last.next = item;
      item.previous = last;
    } else {
      this.#first = item;
    }
    this.#last = item;
    this.#size++;
  }

  /** Does nothing for an item that is in no list. */
  delete(item: T): void {
    const { previous, next } = item;
    if (previous) {
      previous.next = next;
    } else if (this.#first === item) {
      this.#first = next;
    } else {
      return;
    }
    if (next) {
      next.previous = previous;
    } else {
      this.#last = previous;
    }
    item.previous = item.next = undefined;
    this.#size--;
  }

  /** In the order in which they were added. */
  toArray(): T[] {
    const items: T[] = [];
    for (let item = this.#first; item; item = item.next) {
      items.push(item);
    }
    return items;
  }
}
