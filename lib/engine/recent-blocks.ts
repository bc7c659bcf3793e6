/** A call that kept the event loop busy for longer than `blockingThreshold`. */
export interface EventLoopBlock {
  /** Of the task. */
  readonly name: string;
  readonly ms: number;
  /** When it ended, as an ISO 8601 string. */
  readonly at: string;
}

/** How many blocks are remembered. */
const MAX = 20;

/** Remembers the latest tasks that blocked the event loop. */
export class RecentBlocks {
  #latest: readonly EventLoopBlock[] = [];

  /** The newest comes first. */
  get latest(): readonly EventLoopBlock[] {
    return this.#latest;
  }

  /** @param busy ms for which a call of the task kept the event loop busy */
  add(name: string, busy: number): void {
    const block = { name, ms: Math.round(busy), at: new Date().toISOString() };
    this.#latest = [block, ...this.#latest.slice(0, MAX - 1)];
  }
}
