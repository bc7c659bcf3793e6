import { Injectable } from '@nestjs/common';

/**
 * The followers whose task has ended in this process, while its queue does not say so yet. They emit its end a moment later:
 * shutdown waits for that.
 */
@Injectable()
export class EndsUnderway {
  readonly #followers = new Set<object>();
  readonly #waiting = new Set<() => void>();

  add(follower: object): void {
    this.#followers.add(follower);
  }

  delete(follower: object): void {
    this.#followers.delete(follower);
    if (this.#followers.size === 0) {
      this.#waiting.forEach((resolve) => resolve());
      this.#waiting.clear();
    }
  }

  /** Resolves when no follower waits. */
  async arrived(): Promise<void> {
    if (this.#followers.size > 0) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }
}
