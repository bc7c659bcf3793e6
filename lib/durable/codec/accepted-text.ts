/** NUL, and halves of surrogate pairs: Postgres refuses them in text, and Redis changes the halves. */
const REFUSED = /\0|\p{Cs}/gu;

/** The same characters as JSON escapes them. */
const REFUSED_IN_JSON = /\\u0000|\\ud[89ab][0-9a-f]{2}(?!\\ud[c-f])|(?<!\\ud[89ab][0-9a-f]{2})\\ud[c-f][0-9a-f]{2}/;

/** Whether some server refuses or changes this text. */
export function isRefused(text: string): boolean {
  // Many times faster than the expression, and it checks each text of each task.
  return !text.isWellFormed() || text.includes('\0');
}

/** Whether some server refuses this JSON. */
export function isRefusedJson(json: string): boolean {
  return REFUSED_IN_JSON.test(json);
}

/** The text with U+FFFD in the place of what a server refuses. */
export function acceptedText(text: string): string {
  return isRefused(text) ? text.replaceAll(REFUSED, '\uFFFD') : text;
}
