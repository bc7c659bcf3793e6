import { Injectable } from '@nestjs/common';
import { LinkedList } from '../../util/linked-list.ts';
import type { ResponseWatcher } from './response-watcher.ts';

/** Counts the requests whose handlers are at work, because each may still add a task. Shutdown waits for them. */
@Injectable()
export class InFlightRequests {
  /** The responses that are not over, of requests that have tasks. */
  readonly openResponses = new LinkedList<ResponseWatcher>();
  #count = 0;
  #isClosed = false;
  readonly #onIdle = new Set<() => void>();

  get count(): number {
    return this.#count;
  }

  /** @returns whether the request counts: only then call `left` for it */
  entered(): boolean {
    if (this.#isClosed) {
      return false;
    }
    this.#count++;
    return true;
  }

  left(): void {
    this.#count--;
    // Nobody waits, but at shutdown. Between two requests the count is often 0, and to clear a Set takes 0.3 µs.
    if (this.#count === 0 && this.#onIdle.size > 0) {
      this.#onIdle.forEach((resolve) => resolve());
      this.#onIdle.clear();
    }
  }

  /** Stops counting requests that come from now on: under steady traffic the count might never reach zero. */
  close(): void {
    this.#isClosed = true;
  }

  /** Resolves when no counted request is left. */
  async idle(): Promise<void> {
    if (this.#count > 0) {
      await new Promise<void>((resolve) => this.#onIdle.add(resolve));
    }
  }
}
