/**
 * Keeps task records where other processes can read them. A [Keyv](https://keyv.org) 5 fits: the package uses only these
 * methods. It doesn't close the store.
 *
 * @since 0.1.0
 */
export interface TaskStore {
  get(key: string): Promise<unknown>;
  /** @param ttl how long to keep the record, in ms. Default: the store decides */
  set(key: string, value: unknown, ttl?: number): Promise<unknown>;
  /** A Keyv reports an error with this event, and then resolves the call that failed. */
  on?(event: 'error', listener: (error: unknown) => void): unknown;
  off?(event: 'error', listener: (error: unknown) => void): unknown;
}
