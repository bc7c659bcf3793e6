import { types } from 'node:util';
import { isError, kindOf } from '../../util/inspect.ts';

/** How much of a value is shown. */
export interface DisplayLimits {
  readonly depth: number;
  /** Values in objects and lists. */
  readonly parts: number;
  /** Characters of one text. */
  readonly text: number;
  /** Characters of all texts and keys together. */
  readonly texts: number;
}

const IN_VIEW: DisplayLimits = { depth: 20, parts: 5_000, text: 10_000, texts: 200_000 };

/** Turns a value into JSON that shows what is in it, and is of bounded size. Never throws. */
export function displayOf(value: unknown, limits = IN_VIEW): unknown {
  try {
    return new Display(limits).of(value, 0);
  } catch {
    return '[can not be shown]';
  }
}

class Display {
  #left: number;
  #textLeft: number;
  /** The objects that contain the one that is shown now, to find cycles. */
  readonly #around = new Set<object>();

  constructor(private readonly limits: DisplayLimits) {
    this.#left = limits.parts;
    this.#textLeft = limits.texts;
  }

  of(value: unknown, depth: number): unknown {
    if (typeof value === 'string') {
      return this.#text(value);
    }
    if (typeof value === 'bigint') {
      return this.#text(`${value}n`);
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
    if (depth > this.limits.depth || --this.#left < 0) {
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
      return this.#text(`${value.name}: ${value.message}`);
    }
    if (value instanceof Map) {
      return { map: this.#list(value, depth) };
    }
    if (value instanceof Set) {
      return { set: this.#list(value, depth) };
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
      shown[this.#text(key)] = this.of(it, depth);
    }
    return shown;
  }

  #text(text: string): string {
    const max = Math.min(this.limits.text, this.#textLeft);
    this.#textLeft -= Math.min(max, text.length);
    return text.length > max ? `${text.slice(0, max)}…` : text;
  }

  /** Reads no more of a large list than it shows. */
  #list(list: Iterable<unknown>, depth: number): unknown[] {
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
