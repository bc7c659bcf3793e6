/** The last time that a `Date` can hold, in ms since the epoch. */
const LAST = 8.64e15;

/** The latest whole second that was asked for, in ms since the epoch, and its text up to the point. */
let second = NaN;
let text = '';

/**
 * Returns the same as `toISOString` of a `Date`. V8 prints each part of a date with `printf`; here all times of one second
 * share what they have in common, which takes a tenth of the time.
 *
 * @param ms since the epoch
 * @throws RangeError if no `Date` can hold it
 */
export function isoTime(ms: number): string {
  const rest = ms % 1_000;
  if (!Number.isInteger(rest) || rest < 0 || ms > LAST) {
    return new Date(ms).toISOString();
  }
  if (ms - rest !== second) {
    text = new Date(ms - rest).toISOString().slice(0, -'000Z'.length);
    second = ms - rest;
  }
  return `${text}${String(rest).padStart(3, '0')}Z`;
}
