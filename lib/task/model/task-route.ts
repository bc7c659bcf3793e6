/**
 * The route of the request that added a task: `POST /orders/:id`. All tasks of a request share it. States: it reads the
 * request (its route is known only after middleware); or, once the response is over, it keeps the text alone. Otherwise a
 * handle that outlives its request would keep it in memory.
 */
export class TaskRoute {
  #read: (() => string) | undefined;
  #text = '';

  constructor(read: () => string) {
    this.#read = read;
  }

  get text(): string {
    return this.#read ? this.#read() : this.#text;
  }

  /** Reads the request for the last time. */
  keep(): void {
    this.#text = this.text;
    this.#read = undefined;
  }
}
