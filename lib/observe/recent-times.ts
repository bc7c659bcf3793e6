import type { Percentiles } from '../task/model/task-stats.ts';

/** ms of one window. Percentiles cover the current window and the one before. */
const WINDOW = 300_000;

/** Each value below twice this number has its own count. Above, each power of two is divided into this many counts. */
const PRECISION = 32;
const BITS = Math.log2(PRECISION);

/** 49 days. Larger values count as this. */
const LARGEST = 2 ** 32 - 1;

const NONE = new Uint32Array();

/** How many values there were of each size. */
class Counts {
  /** By `indexOf` of the values. */
  bySize = NONE;
  /** When the first value came, in ms since the epoch. */
  since = 0;
  total = 0;
  max = 0;

  /** @param value ms, a whole number from 0 to `LARGEST` */
  add(value: number): void {
    const index = indexOf(value);
    if (index >= this.bySize.length) {
      this.#grow(index);
    }
    this.bySize[index]!++;
    this.total++;
    if (value > this.max) {
      this.max = value;
    }
  }

  clear(): void {
    this.bySize.fill(0);
    this.total = this.max = 0;
  }

  /** Most tasks are short: their counts take few bytes. */
  #grow(index: number): void {
    const counts = new Uint32Array(Math.ceil((index + 1) / PRECISION) * PRECISION);
    counts.set(this.bySize);
    this.bySize = counts;
  }
}

/**
 * Collects times, and tells their percentiles. Two sets of counts take turns, so that old values are forgotten. A set is
 * replaced only when a value comes, so the values of a rare task stay.
 *
 * It uses no histograms of Node: their `record` takes 0.2 µs, twenty times as long as `add`, and each has 8 KB.
 */
export class RecentTimes {
  #current = new Counts();
  /** Made when the first window has ended. */
  #before?: Counts;

  /** @param now ms since the epoch */
  add(ms: number, now: number): void {
    if (this.#current.total === 0) {
      this.#current.since = now;
    } else if (now - this.#current.since >= WINDOW) {
      this.#next(now);
    } else if (now < this.#current.since) {
      // The clock was set back: without this, the window would last until the clock has caught up.
      this.#current.since = now;
    }
    // Another program can add a job with any time, or none.
    this.#current.add(ms > 0 ? Math.min(Math.floor(ms), LARGEST) : 0);
  }

  percentiles(): Percentiles {
    const [current, before] = [this.#current, this.#before];
    const count = current.total + (before?.total ?? 0);
    const max = Math.max(current.max, before?.max ?? 0);
    const [p50, p95, p99] = count === 0 ? [0, 0, 0] : this.#valuesAt([0.5 * count, 0.95 * count, 0.99 * count]);
    return { p50: Math.min(p50!, max), p95: Math.min(p95!, max), p99: Math.min(p99!, max), max, count };
  }

  /** @param ranks the ranks of the values to find, in ascending order. The smallest value has the rank 1 */
  #valuesAt(ranks: readonly number[]): number[] {
    const found: number[] = [];
    const [now, before] = [this.#current.bySize, this.#before?.bySize ?? NONE];
    for (let index = 0, counted = 0; found.length < ranks.length; index++) {
      counted += (now[index] ?? 0) + (before[index] ?? 0);
      while (found.length < ranks.length && counted >= ranks[found.length]!) {
        found.push(largestAt(index));
      }
    }
    return found;
  }

  #next(now: number): void {
    const next = this.#before ?? new Counts();
    next.clear();
    next.since = now;
    this.#before = this.#current;
    this.#current = next;
  }
}

function indexOf(value: number): number {
  if (value < 2 * PRECISION) {
    return value;
  }
  const shift = 31 - BITS - Math.clz32(value);
  return shift * PRECISION + (value >>> shift);
}

/** The largest value that counts at this index. */
function largestAt(index: number): number {
  if (index < 2 * PRECISION) {
    return index;
  }
  const shift = Math.floor(index / PRECISION) - 1;
  return ((index % PRECISION) + PRECISION + 1) * 2 ** shift - 1;
}
