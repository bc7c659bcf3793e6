import type { ComponentChildren } from 'preact';
import type { EventLoopBlock, ProcessFigures } from '../../api/wire.ts';
import { duration, wholeSeconds } from '../../format/durations.ts';
import { bytes, percent } from '../../format/numbers.ts';
import { Meter } from '../../parts/meter.tsx';
import { Ago } from '../../parts/times.tsx';
import { href } from '../../state/location.ts';

const SHOWN = 5;

function toneOf(part: number): 'calm' | 'warn' | 'bad' {
  if (part > 0.9) {
    return 'bad';
  }
  return part > 0.7 ? 'warn' : 'calm';
}

/** How the process is: its event loop, its memory, and what blocked it. */
export function ProcessPanel({ process, blocked }: { process: ProcessFigures; blocked: EventLoopBlock[] }) {
  const { eventLoopDelay, eventLoopUtilization, heapUsed, heapLimit, rss, uptime } = process;
  const heap = heapLimit > 0 ? heapUsed / heapLimit : 0;
  const latest = blocked.toSorted((a, b) => Date.parse(b.at) - Date.parse(a.at)).slice(0, SHOWN);
  return (
    <section class="panel" aria-label="Process">
      <header class="panel-head">
        <h2>Process</h2>
        <span class="faint" title="Since the process started">
          up {wholeSeconds(uptime * 1000)}
        </span>
      </header>
      <dl class="gauges">
        <Gauge label="Event loop busy" value={percent(eventLoopUtilization)}>
          <Meter part={eventLoopUtilization} tone={toneOf(eventLoopUtilization)} />
        </Gauge>
        <Gauge label="Event loop delay" value={duration(eventLoopDelay.p99)} note="p99">
          <span class="gauge-note">
            p50 {duration(eventLoopDelay.p50)} · max {duration(eventLoopDelay.max)}
          </span>
        </Gauge>
        <Gauge label="Heap" value={bytes(heapUsed)} note={`of ${bytes(heapLimit)}`}>
          <Meter part={heap} tone={toneOf(heap)} />
        </Gauge>
        <Gauge label="Memory of the process" value={bytes(rss)} />
      </dl>
      <h3 class="panel-sub">Blocked the event loop</h3>
      {latest.length === 0 ? (
        <p class="faint panel-text">No task has blocked it lately.</p>
      ) : (
        <ol class="blocks">
          {latest.map(({ name, ms, at }) => (
            <li key={at + name}>
              <a class="cut" href={href(`/tasks?name=${encodeURIComponent(name)}`)} title={name}>
                {name}
              </a>
              <span class="number tone-blocked">{duration(ms)}</span>
              <span class="number faint">
                <Ago at={at} />
              </span>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

function Gauge(props: { label: string; value: string; note?: string; children?: ComponentChildren }) {
  return (
    <div class="gauge">
      <dt>{props.label}</dt>
      <dd>
        <span class="gauge-value">
          {props.value} {props.note && <small>{props.note}</small>}
        </span>
        {props.children}
      </dd>
    </div>
  );
}
