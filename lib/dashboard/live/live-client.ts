import type { ServerResponse } from 'node:http';
import { now } from '../../util/timers.ts';

/**
 * Sends updates to one open page. If the page reads too slowly, it misses updates, and a message says so.
 *
 * It keeps no updates itself: only Node and the operating system hold what the page has not read.
 */
export class LiveClient {
  /** By `now()`. */
  readonly since = now();
  /** By `now()`: since when the client has not read what was sent to it. */
  #blockedSince: number | undefined;
  /** Whether it has missed an update. */
  hasMissed = false;

  /** @param onDrain called when a client that has missed an update can get the next one */
  constructor(
    private readonly response: ServerResponse,
    private readonly onDrain: () => void,
  ) {
    response.on('drain', () => {
      this.#blockedSince = undefined;
      if (this.hasMissed) {
        this.onDrain();
      }
    });
  }

  get isBlocked(): boolean {
    return this.#blockedSince !== undefined;
  }

  /** ms for which the client has not read. */
  get blockedFor(): number {
    return this.#blockedSince === undefined ? 0 : now() - this.#blockedSince;
  }

  send(text: string): void {
    if (!this.response.write(text) && !this.response.destroyed) {
      this.#blockedSince ??= now();
    }
    // The package compression adds `flush`, because it holds back what is written.
    (this.response as { flush?(): void }).flush?.();
  }

  end(): void {
    this.response.end();
  }

  /** Cuts the connection of a client that does not read. */
  cut(): void {
    this.response.destroy();
  }
}
