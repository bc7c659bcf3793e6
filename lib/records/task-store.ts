/**
 * Shares task records between processes. A [Keyv](https://keyv.org) 5 is one: these are the methods of it that the package
 * uses. The package doesn't close it.
 *
 * @since 0.1.0
 */
export interface TaskStore {
  get(key: string): Promise<unknown>;
  /** @param ttl how long to keep the record, in ms. `undefined` leaves that to the store */
  set(key: string, value: unknown, ttl?: number): Promise<unknown>;
  /** A Keyv reports an error with this event, and then resolves the call that failed. */
  on?(event: 'error', listener: (error: unknown) => void): unknown;
  off?(event: 'error', listener: (error: unknown) => void): unknown;
}
