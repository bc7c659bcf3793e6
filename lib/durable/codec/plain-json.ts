import { isRefused } from './accepted-text.ts';

/** In the place of a copy: JSON alone does not restore the value. */
export const NOT_PLAIN = Symbol('not plain');

/** The most bytes of JSON for each: six for an escaped UTF-16 unit; quotes, a comma or a colon beside each part. */
const BYTES_PER_UNIT = 6;
const BYTES_PER_PART = 3;
const BYTES_PER_NUMBER = 28;

/**
 * Copies a value that JSON restores exactly: it has only what JSON can express, and no object twice.
 *
 * One walk checks, copies and bounds the size, since every task for a queue pays for it: BullMQ makes JSON of the copy.
 */
export class PlainJsonCopy {
  /** The copy, or `NOT_PLAIN`. */
  readonly value: unknown;
  /** The JSON has at most this many bytes. */
  maxSize = 0;
  /** Whether some server refuses or changes one of its texts. */
  hasRefusedText = false;
  readonly #seen = new Set<object>();

  constructor(value: unknown) {
    this.value = this.#copy(value);
  }

  #copy(value: unknown): unknown {
    if (typeof value === 'string') {
      this.#add(value);
      return value;
    }
    if (typeof value === 'object' && value !== null) {
      return this.#copyObject(value);
    }
    this.maxSize += BYTES_PER_NUMBER;
    const isPlain =
      typeof value === 'number'
        ? Number.isFinite(value) && !Object.is(value, -0)
        : typeof value === 'boolean' || value === null;
    return isPlain ? value : NOT_PLAIN;
  }

  #copyObject(value: object): unknown {
    if (this.#seen.has(value)) {
      return NOT_PLAIN;
    }
    this.#seen.add(value);
    this.maxSize += BYTES_PER_PART;
    if (Array.isArray(value)) {
      return this.#copyArray(value);
    }
    return Object.getPrototypeOf(value) === Object.prototype ? this.#copyRecord(value) : NOT_PLAIN;
  }

  #copyArray(list: readonly unknown[]): unknown {
    const copy: unknown[] = [];
    // A hole reads as `undefined`, which is not plain either.
    for (let i = 0; i < list.length; i++) {
      const it = this.#copy(list[i]);
      if (it === NOT_PLAIN) {
        return NOT_PLAIN;
      }
      copy.push(it);
    }
    return copy;
  }

  #copyRecord(record: object): unknown {
    const copy: Record<string, unknown> = {};
    for (const key of Object.keys(record)) {
      const value = this.#copy((record as Record<string, unknown>)[key]);
      if (value === NOT_PLAIN) {
        return NOT_PLAIN;
      }
      this.#add(key);
      if (key === '__proto__') {
        // Assigning it would change the prototype.
        Object.defineProperty(copy, key, { value, enumerable: true, configurable: true, writable: true });
      } else {
        copy[key] = value;
      }
    }
    return copy;
  }

  #add(text: string): void {
    this.maxSize += text.length * BYTES_PER_UNIT + BYTES_PER_PART;
    this.hasRefusedText ||= isRefused(text);
  }
}
