import type { Series } from './wire.ts';

const LENGTH = 300;

/** The last 300 steps: `times` in ms since 1970, and the counts of the step that ended then. */
export interface TimeSeries {
  times: number[];
  completed: number[];
  failed: number[];
  added: number[];
}

export const emptySeries: TimeSeries = { times: [], completed: [], failed: [], added: [] };

/** Adds counts to a series. They replace those of the same time, so that both a whole series and its latest part fit. */
export function addToSeries(old: TimeSeries, { step, end, ...counts }: Series): TimeSeries {
  const last = Math.floor(Date.parse(end) / step) * step;
  const newTimes = counts.completed.map((_, index) => last - (counts.completed.length - 1 - index) * step);
  const first = newTimes[0] ?? last;
  // A server that starts again begins a new series, and a clock may be set back.
  const kept = old.times.filter((time) => time < first).length;
  const from = Math.max(0, kept + newTimes.length - LENGTH);
  const join = (before: number[], after: number[]) => [...before.slice(0, kept), ...after].slice(from);
  return {
    times: join(old.times, newTimes),
    completed: join(old.completed, counts.completed),
    failed: join(old.failed, counts.failed),
    added: join(old.added, counts.added),
  };
}
