/**
 * Where records are shared between processes: what is used of a [Keyv](https://keyv.org) 5, so that an instance of that is
 * one. Whoever made it closes it.
 *
 * @since 0.1.0
 */
export interface TaskStore {
  get(key: string): Promise<unknown>;
  /** @param ttl ms after which it may be forgotten */
  set(key: string, value: unknown, ttl?: number): Promise<unknown>;
  /** A Keyv tells of errors this way, and resolves all the same. */
  on?(event: 'error', listener: (error: unknown) => void): unknown;
  off?(event: 'error', listener: (error: unknown) => void): unknown;
}
