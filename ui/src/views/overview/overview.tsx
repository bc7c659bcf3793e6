import { overview } from '../../api/live.ts';
import { Empty } from '../../parts/empty.tsx';
import { href } from '../../state/location.ts';
import { Figures } from './figures.tsx';
import { NamesTable } from './names-table.tsx';
import { ProcessPanel } from './process-panel.tsx';
import { QueuesPanel } from './queues-panel.tsx';
import { RunningNow } from './running-now.tsx';
import { ThroughputChart } from './throughput-chart.tsx';

/** What runs, what waits, and how it goes. */
export function Overview() {
  const value = overview.value;
  if (value === undefined) {
    return <div class="loading" aria-busy="true" />;
  }
  const { stats, queues, queueError, process, blocked } = value;
  const isUnused =
    stats.pending + stats.running + stats.completed + stats.failed + stats.cancelled + stats.skipped === 0;
  return (
    <>
      <h1 class="unseen">Overview</h1>
      <Figures stats={stats} queues={queues} />
      {isUnused && queues.every((it) => it.pending + it.running + it.completed + it.failed + it.delayed === 0) && (
        <Empty title="No task has been added yet">
          <p>
            Tasks appear here as soon as a request adds one:{' '}
            <code>tasks.addTask(this.mailer, 'sendWelcome', email)</code>
          </p>
        </Empty>
      )}
      <div class="columns">
        <div class="column-main">
          <ThroughputChart blocked={blocked} />
          <RunningNow running={stats.running} />
        </div>
        <div class="column-side">
          <QueuesPanel queues={queues} queueError={queueError} />
          <ProcessPanel process={process} blocked={blocked} />
        </div>
      </div>
      <NamesTable byName={stats.byName} blocked={blocked} />
      <p class="foot">
        Counts are those of this process since it started, and times are those of its last minutes.{' '}
        <a href={href('/queues')}>Queues</a> are shared by all processes.
      </p>
    </>
  );
}
