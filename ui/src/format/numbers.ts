const whole = new Intl.NumberFormat('en');
const compactNumber = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

/** Writes a count: `12,345`. */
export const count = (value: number): string => whole.format(value);

/** Writes a count where there is little room: in full up to 99,999, else `1.2M`. */
export const compact = (value: number): string => (value < 100_000 ? whole.format(value) : compactNumber.format(value));

/** Writes a count with its noun: `1 task`, `12 tasks`. */
export const counted = (value: number, noun: string): string => `${count(value)} ${noun}${value === 1 ? '' : 's'}`;

/** Writes a number by second: `0.4`, `12`. */
export const rate = (value: number): string =>
  value < 10 ? (Math.round(value * 10) / 10).toString() : compact(Math.round(value));

/** Writes a part of a whole: `12 %`, `0.4 %`. */
export function percent(part: number): string {
  const value = part * 100;
  const digits = value > 0 && value < 9.95 ? 1 : 0;
  return `${value.toFixed(digits)} %`;
}

/** Writes a size in bytes: `312 MB`, `1.4 GB`. */
export function bytes(value: number): string {
  const mega = value / 1024 / 1024;
  return mega < 1000 ? `${mega < 10 ? mega.toFixed(1) : Math.round(mega)} MB` : `${(mega / 1024).toFixed(1)} GB`;
}
