import { expect, it } from 'vitest';
import { isoTime } from '../lib/util/iso-time.ts';

const times: [what: string, ms: number][] = [
  ['the epoch', 0],
  ['one digit of ms', 7],
  ['two digits of ms', 1_000_000_000_042],
  ['the last ms of a second', 1_795_788_345_999],
  ['the ms after it', 1_795_788_346_000],
  ['before the epoch', -1],
  ['a whole second before the epoch', -2_000],
  ['a fraction of a ms', 1_795_788_345_999.7],
  ['a year of five digits', Date.UTC(12_345, 6, 7)],
  ['the last time of all', 8.64e15],
  ['the first time of all', -8.64e15],
];

it.each(times)('%s', (_what, ms) => {
  expect([isoTime(ms), isoTime(ms)]).toEqual([new Date(ms).toISOString(), new Date(ms).toISOString()]);
});

it('is what a Date says, at any time', () => {
  for (let i = 0; i < 10_000; i++) {
    const ms = Math.floor((Math.random() - 0.2) * 1e13);
    expect(isoTime(ms)).toBe(new Date(ms).toISOString());
  }
});

it.each([NaN, Infinity, 8.64e15 + 1, 8.64e15 + 1_000])(
  'throws for %s as a Date does, and is right afterwards',
  (ms) => {
    const time = 1_795_788_345_678;
    isoTime(time);
    expect(() => isoTime(ms)).toThrow(RangeError);
    expect(isoTime(time)).toBe(new Date(time).toISOString());
  },
);
