import { percentile } from '../figures.mjs';

const spread = (values) => ({
  median: percentile(values, 50),
  quartiles: [percentile(values, 25), percentile(values, 75)],
  rounds: values,
});

const costsOf = (measured) => measured.map((it) => it.cost ?? it);

/**
 * A row of the table.
 *
 * @param measured what our side cost in each round
 * @param beside what the other side cost in the same rounds, if there is one
 */
export function row({ what, against, unit = 'µs', ours: measured, other: beside }) {
  const ours = costsOf(measured);
  const other = beside && costsOf(beside);
  return {
    what,
    against,
    unit,
    ours: spread(ours),
    ...(other && {
      other: spread(other),
      more: spread(ours.map((it, i) => it - other[i])),
      /** 1 is as cheap as the other side, 0.5 costs twice as much. */
      ratio: spread(other.map((it, i) => it / ours[i])),
    }),
  };
}

/**
 * A row that says what a task needs, of our process and of the server of its queue.
 *
 * @param measured of each round, µs of CPU of both, and tasks a second by the clock
 */
export const needs = ({ what, measured }) => ({
  what,
  against: 'of our process, of the server',
  unit: 'µs',
  ours: spread(measured.map(({ cost }) => cost)),
  server: spread(measured.map(({ server }) => server)),
  rate: spread(measured.map(({ rate }) => rate)),
});

/** A row that could not be measured. */
export const skipped = (what, reason) => ({ what, skipped: reason });

const WIDTHS = { what: 56, against: 48, ours: 10, other: 7, more: 7, ratio: 5 };

/** Four digits at most, and the same number of them behind the point where the figures are close. */
export function short(value) {
  const size = Math.abs(value);
  return size >= 1_000 ? Math.round(value).toLocaleString('en') : value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

function line({ what, against = '', ours = '', other = '', more = '', ratio = '', quartiles = '' }) {
  return [
    what.padEnd(WIDTHS.what),
    against.padEnd(WIDTHS.against),
    ours.padStart(WIDTHS.ours),
    other.padStart(WIDTHS.other),
    more.padStart(WIDTHS.more),
    ratio.padStart(WIDTHS.ratio),
    ` ${quartiles}`,
  ]
    .join(' ')
    .trimEnd();
}

export function printHeading() {
  console.log(
    line({
      what: 'what',
      against: 'against',
      ours: 'ours',
      other: 'other',
      more: 'more',
      ratio: 'ratio',
      quartiles: 'quartiles',
    }),
  );
}

export function printFamily(name, unit) {
  console.log(`\n${name}, ${unit}`);
}

const quartilesOf = ({ quartiles }, print) => quartiles.map(print).join('–');

export function printRow(measured) {
  if (measured.skipped) {
    console.log(line({ what: measured.what, against: `not measured: ${measured.skipped}` }));
    return;
  }
  const { what, against, unit, ours, other, more, ratio, server, rate } = measured;
  console.log(
    line({
      what,
      against,
      ours: `${short(ours.median)}${unit === 'µs' ? '' : ` ${unit}`}`,
      ...(ratio
        ? {
            other: short(other.median),
            more: `${more.median > 0 ? '+' : ''}${short(more.median)}`,
            ratio: ratio.median.toFixed(2),
            quartiles: quartilesOf(ratio, (it) => it.toFixed(2)),
          }
        : {
            other: server && short(server.median),
            quartiles: rate ? `${short(rate.median)}/s` : quartilesOf(ours, short),
          }),
    }),
  );
}
