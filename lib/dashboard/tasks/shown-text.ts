import { createHash } from 'node:crypto';

/** The most characters of a name or a route that the page gets. */
const MAX = 200;

/** How `shownText` ends a text that it changes. */
const MARK = /…[\da-f]{8}$/;

/**
 * The name or the route of a task as the page gets it. A long one is cut, and ends with a mark: texts with the same beginning
 * have different marks. The result has no half of a surrogate pair, because a URL can't have one.
 */
export function shownText(text: string): string {
  if (text.length <= MAX && text.isWellFormed()) {
    return text;
  }
  // As UTF-16, because UTF-8 makes all halves of surrogate pairs the same.
  const mark = createHash('sha256').update(text, 'utf16le').digest('hex').slice(0, 8);
  return `${text.slice(0, MAX).toWellFormed()}…${mark}`;
}

/**
 * Compares names or routes with the wanted one, which is the full text or the one that the page shows. Many tasks have the
 * same name, so it remembers the results.
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
