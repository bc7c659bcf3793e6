import { Injectable } from '@nestjs/common';
import type { ResponseWatcher } from './response-watcher.ts';

/** Counts the requests whose handlers are at work: any of them may be about to add a task, until none may any more. */
@Injectable()
export class InFlightRequests {
  /** Those of requests that have tasks. */
  readonly openResponses = new Set<ResponseWatcher>();
  #count = 0;
  #isClosed = false;
  readonly #onIdle = new Set<() => void>();

  get count(): number {
    return this.#count;
  }

  /** @returns whether it counts, and so has to be told of by `left` */
  entered(): boolean {
    if (this.#isClosed) {
      return false;
    }
    this.#count++;
    return true;
  }

  left(): void {
    this.#count--;
    if (this.#count === 0) {
      this.#onIdle.forEach((resolve) => resolve());
      this.#onIdle.clear();
    }
  }

  /** Counts none that come from now on. */
  close(): void {
    this.#isClosed = true;
  }

  /** Resolves when there is none. */
  async idle(): Promise<void> {
    if (this.#count > 0) {
      await new Promise<void>((resolve) => this.#onIdle.add(resolve));
    }
  }
}
