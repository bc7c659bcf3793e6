/** The request that adds tasks. */
export interface RequestOrigin {
  /** `POST /orders/17` */
  readonly path: string;
  /** `POST /orders/:id`. Known only after middleware. */
  readonly route: string;
}

/**
 * The route of the request that added a task. All tasks of a request share it. States: it reads the request; or, once the
 * response is over, it keeps the text alone. Otherwise a handle that outlives its request would keep it in memory.
 */
export class TaskRoute {
  #origin: RequestOrigin | undefined;
  #text = '';

  constructor(origin: RequestOrigin) {
    this.#origin = origin;
  }

  get text(): string {
    return this.#origin ? this.#origin.route : this.#text;
  }

  /** Reads the request for the last time. */
  keep(): void {
    this.#text = this.text;
    this.#origin = undefined;
  }
}
