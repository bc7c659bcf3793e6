import type { ComponentChildren } from 'preact';
import { series } from '../../api/live.ts';
import type { QueueStats, TaskStats } from '../../api/wire.ts';
import { wholeSeconds } from '../../format/durations.ts';
import { compact, count, rate } from '../../format/numbers.ts';
import { StatusIcon } from '../../parts/icons.tsx';
import { Meter } from '../../parts/meter.tsx';
import { href } from '../../state/location.ts';

const RECENT = 60;

const sum = (values: number[]) => values.reduce((total, it) => total + it, 0);

/** The figures that say whether all is well, in one strip. */
export function Figures({ stats, queues }: { stats: TaskStats; queues: QueueStats[] }) {
  const { completed, failed } = series.value;
  const recent = completed.slice(-RECENT);
  const perSecond = recent.length === 0 ? 0 : sum(recent) / recent.length;
  const recentlyFailed = sum(failed);
  const oldest = queues
    .filter((it) => it.oldestAge !== undefined)
    .reduce<QueueStats | undefined>((best, it) => (it.oldestAge! > (best?.oldestAge ?? -1) ? it : best), undefined);
  const { alive, busy, waiting } = stats.threads;
  return (
    <section class="figures" aria-label="Figures">
      <Figure
        label="Running"
        to="/tasks?status=running"
        icon={<StatusIcon status="running" />}
        value={compact(stats.running)}
      >
        {alive === 0 ? 'no threads in use' : `${count(busy)} of ${count(alive)} threads busy`}
        {alive > 0 && <Meter part={busy / alive} tone={waiting > 0 ? 'warn' : 'calm'} />}
      </Figure>
      <Figure
        label="Waiting here"
        title="Tasks of this process. The figures of queues count all processes."
        to="/tasks?status=pending"
        icon={<StatusIcon status="pending" />}
        value={compact(stats.pending)}
      >
        {stats.delayed > 0 ? `${compact(stats.delayed)} delayed` : 'none delayed'}
        {waiting > 0 && ` · ${compact(waiting)} for a thread`}
      </Figure>
      <Figure
        label="Completed"
        to="/tasks?status=completed"
        icon={<StatusIcon status="completed" />}
        value={
          <>
            {rate(perSecond)}
            <small> /s</small>
          </>
        }
      >
        <span title="Since the process started">{compact(stats.completed)} in all</span>
      </Figure>
      <Figure
        label="Failed"
        to="/tasks?status=failed"
        icon={<StatusIcon status="failed" />}
        value={compact(recentlyFailed)}
        tone={recentlyFailed > 0 ? 'bad' : undefined}
      >
        in 5 minutes · <span title="Since the process started">{compact(stats.failed)} in all</span>
      </Figure>
      <Figure
        label="Oldest in a queue"
        to="/queues"
        value={oldest === undefined ? '–' : wholeSeconds(oldest.oldestAge!)}
      >
        {oldest === undefined ? 'no task waits for a worker' : oldest.name}
      </Figure>
      {stats.refused > 0 && (
        <Figure label="Refused" value={compact(stats.refused)} tone="bad">
          more tasks than <code>maxPending</code>
        </Figure>
      )}
    </section>
  );
}

interface FigureProps {
  label: string;
  title?: string;
  value: ComponentChildren;
  children: ComponentChildren;
  icon?: ComponentChildren;
  to?: string;
  tone?: 'bad';
}

function Figure({ label, title, value, children, icon, to, tone }: FigureProps) {
  const content = (
    <>
      <span class="figure-label">
        {icon}
        {label}
      </span>
      <span class={tone ? `figure-value tone-${tone}` : 'figure-value'}>{value}</span>
      <span class="figure-note">{children}</span>
    </>
  );
  return to === undefined ? (
    <div class="figure" title={title}>
      {content}
    </div>
  ) : (
    <a class="figure" href={href(to)} title={title}>
      {content}
    </a>
  );
}
