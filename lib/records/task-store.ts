import { read } from '../util/inspect.ts';
import { anObject, type OptionRule } from '../validation/option-rules.ts';

/**
 * Keeps task records where other processes can read them.
 *
 * A [Keyv](https://keyv.org) 5 fits: the package uses only these methods. It doesn't close the store.
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

export const storeRule: OptionRule = {
  expected: 'a Keyv, or another object with the methods get and set',
  accepts: (value) =>
    anObject.accepts(value) && ['get', 'set'].every((name) => typeof read(value as object, name) === 'function'),
};
