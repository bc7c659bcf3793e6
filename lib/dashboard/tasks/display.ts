import { types } from 'node:util';
import { isError, kindOf } from '../../util/inspect.ts';

/** How much of a value is shown. */
const MAX_DEPTH = 20;
const MAX_PARTS = 5_000;
const MAX_TEXT = 10_000;

/** Turns a value into JSON that shows what is in it, and is of bounded size. Never throws. */
export function displayOf(value: unknown): unknown {
  try {
    return new Display().of(value, 0);
  } catch {
    return '[can not be shown]';
  }
}

class Display {
  #left = MAX_PARTS;
  /** The objects around the one that is shown. */
  readonly #around = new Set<object>();

  of(value: unknown, depth: number): unknown {
    if (typeof value === 'string') {
      return value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value;
    }
    if (typeof value === 'bigint') {
      return `${value}n`;
    }
    if (typeof value === 'number') {
      return Number.isFinite(value) ? value : String(value);
    }
    if (typeof value === 'function' || typeof value === 'symbol') {
      return `[${kindOf(value)}]`;
    }
    if (typeof value !== 'object' || value === null) {
      return value;
    }
    if (this.#around.has(value)) {
      return '[circular]';
    }
    if (depth > MAX_DEPTH || --this.#left < 0) {
      return '…';
    }
    this.#around.add(value);
    const shown = this.#ofObject(value, depth + 1);
    this.#around.delete(value);
    return shown;
  }

  #ofObject(value: object, depth: number): unknown {
    if (value instanceof Date) {
      return Number.isNaN(Number(value)) ? '[invalid date]' : value.toISOString();
    }
    if (value instanceof URL || value instanceof RegExp) {
      return this.of(String(value), depth);
    }
    if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) {
      return `[${value.byteLength} bytes]`;
    }
    if (isError(value)) {
      return `${value.name}: ${value.message}`;
    }
    if (value instanceof Map) {
      return { map: this.#list([...value], depth) };
    }
    if (value instanceof Set) {
      return { set: this.#list([...value], depth) };
    }
    if (Array.isArray(value)) {
      return this.#list(value, depth);
    }
    // Without a prototype: a key may be `__proto__`.
    const shown = Object.create(null) as { [key: string]: unknown };
    for (const [key, it] of Object.entries(value)) {
      if (--this.#left < 0) {
        shown['…'] = '…';
        break;
      }
      shown[key] = this.of(it, depth);
    }
    return shown;
  }

  #list(list: readonly unknown[], depth: number): unknown[] {
    const shown: unknown[] = [];
    for (const it of list) {
      if (--this.#left < 0) {
        shown.push('…');
        break;
      }
      shown.push(this.of(it, depth) ?? null);
    }
    return shown;
  }
}
