import { createHash } from 'node:crypto';

/** The most characters of a name or a route that the page gets. */
const MAX = 200;

/** How `shownText` ends a text that it changes. */
const MARK = /…[\da-f]{8}$/;

/**
 * The name or the route of a task as the page gets it: a long one has its beginning, and a mark that tells it from others with
 * the same beginning. Never has half of a surrogate pair, which no URL can have.
 */
export function shownText(text: string): string {
  if (text.length <= MAX && text.isWellFormed()) {
    return text;
  }
  // As UTF-16: in UTF-8, all halves of pairs are the same.
  const mark = createHash('sha256').update(text, 'utf16le').digest('hex').slice(0, 8);
  return `${text.slice(0, MAX).toWellFormed()}…${mark}`;
}

/**
 * Compares names or routes with one that is asked for, in full or as the page shows it. Many tasks have the same name, so it
 * remembers the results.
 */
export class SameText {
  /** Whether it may be what the page shows of another text. */
  readonly isShortened: boolean;
  readonly #results = new Map<string, boolean>();

  constructor(readonly wanted: string) {
    this.isShortened = MARK.test(wanted);
  }

  is(text: string | undefined): boolean {
    if (text === undefined || text === this.wanted || !this.isShortened) {
      return text === this.wanted;
    }
    let isSame = this.#results.get(text);
    if (isSame === undefined) {
      isSame = shownText(text) === this.wanted;
      this.#results.set(text, isSame);
    }
    return isSame;
  }
}
