/** The value below which so many percent of the values lie. */
export function percentile(values, percent) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))];
}

export const median = (values) => percentile(values, 50);

/** Prints a figure beside what it is to be, and lets the process fail by its exit code if it is not. */
export function report(label, value, target, isMet) {
  const verdict = isMet === undefined ? '' : isMet ? 'met' : 'NOT MET';
  console.log(`${label.padEnd(62)} ${String(value).padStart(12)}   ${(target ?? '').padEnd(12)} ${verdict}`.trimEnd());
  if (isMet === false) {
    process.exitCode = 1;
  }
}
