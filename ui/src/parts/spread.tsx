import type { Percentiles } from '../api/wire.ts';
import { duration } from '../format/durations.ts';

const WIDTH = 160;
const FASTEST = 0.1;

interface SpreadProps {
  values: Percentiles;
  /** The ends of the scale, in ms. */
  from: number;
  to: number;
}

/** Percentiles on a logarithmic scale: a dot at p50, a thick line to p95, a thin one to p99, a tick at the maximum. */
export function Spread({ values: { p50, p95, p99, max }, from, to }: SpreadProps) {
  const low = Math.max(from, FASTEST);
  const scale = Math.log10(Math.max(to, low * 10) / low);
  const x = (ms: number) => 4 + (Math.log10(Math.max(ms, low) / low) / scale) * (WIDTH - 8);
  const label = `p50 ${duration(p50)}, p95 ${duration(p95)}, p99 ${duration(p99)}, longest ${duration(max)}`;
  return (
    <svg class="spread" viewBox={`0 0 ${WIDTH} 16`} width={WIDTH} height="16" role="img" aria-label={label}>
      <title>{label}</title>
      <line x1="0" y1="8" x2={WIDTH} y2="8" class="spread-base" />
      <line x1={x(p50)} y1="8" x2={x(max)} y2="8" class="spread-max" />
      <line x1={x(p50)} y1="8" x2={x(p99)} y2="8" class="spread-p99" />
      <line x1={x(p50)} y1="8" x2={x(p95)} y2="8" class="spread-p95" />
      <line x1={x(max)} y1="5" x2={x(max)} y2="11" class="spread-tick" />
      <circle cx={x(p50)} cy="8" r="3.25" class="spread-dot" />
    </svg>
  );
}
