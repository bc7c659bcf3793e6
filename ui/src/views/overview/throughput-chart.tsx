import { signal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { series } from '../../api/live.ts';
import type { EventLoopBlock } from '../../api/wire.ts';
import { duration, timeOfDay } from '../../format/durations.ts';
import { count } from '../../format/numbers.ts';
import { Chart, type Mark } from '../../parts/chart.tsx';

const cursor = signal<number | undefined>(undefined);

/** Completed, added and failed tasks per second, with the times in which a task blocked the event loop. */
export function ThroughputChart({ blocked }: { blocked: EventLoopBlock[] }) {
  const { times, completed, failed, added } = series.value;
  const data = useMemo(() => ({ times, completed, failed, added }), [times]);
  const marks = useMemo<Mark[]>(() => blocked.map(({ at, ms }) => ({ at: Date.parse(at), length: ms })), [blocked]);
  const last = times.length - 1;
  const highest = Math.max(0, ...completed);
  const summary =
    last < 0
      ? 'Tasks per second: no data yet.'
      : `Tasks per second in the last five minutes: ${count(completed[last]!)} completed and ${count(failed[last]!)} failed in the last second, at most ${count(highest)} completed.`;
  return (
    <section class="panel chart-panel" aria-label="Throughput">
      <header class="panel-head">
        <h2>Tasks per second</h2>
        <Readout blocked={blocked} />
      </header>
      <Chart data={data} marks={marks} summary={summary} onCursor={(index) => (cursor.value = index)} />
    </section>
  );
}

/** The values under the pointer, or the last ones. */
function Readout({ blocked }: { blocked: EventLoopBlock[] }) {
  const { times, completed, failed, added } = series.value;
  const index = Math.min(cursor.value ?? times.length - 1, times.length - 1);
  if (index < 0) {
    return null;
  }
  const time = times[index]!;
  const block =
    cursor.value === undefined ? undefined : blocked.find((it) => Math.abs(Date.parse(it.at) - time) <= 1500);
  return (
    <p class="readout">
      {block !== undefined && (
        <span class="key key-blocked">
          {block.name} blocked {duration(block.ms)}
        </span>
      )}
      <span class="readout-time">{cursor.value === undefined ? 'last second' : timeOfDay(time)}</span>
      <span class="key key-added">
        <b>{count(added[index]!)}</b> added
      </span>
      <span class="key key-completed">
        <b>{count(completed[index]!)}</b> completed
      </span>
      <span class="key key-failed">
        <b>{count(failed[index]!)}</b> failed
      </span>
    </p>
  );
}
