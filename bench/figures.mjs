/** Returns the value below which this percentage of the values lies. */
export function percentile(values, percent) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))];
}

export const median = (values) => percentile(values, 50);

/** Prints a figure beside its target. If it misses the target, the process exits with code 1. */
export function report(label, value, target, isMet) {
  const verdict = isMet === undefined ? '' : isMet ? 'met' : 'NOT MET';
  console.log(`${label.padEnd(62)} ${String(value).padStart(12)}   ${(target ?? '').padEnd(12)} ${verdict}`.trimEnd());
  if (isMet === false) {
    process.exitCode = 1;
  }
}
