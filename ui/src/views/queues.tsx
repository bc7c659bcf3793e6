import { useSignal } from '@preact/signals';
import { api } from '../api/client.ts';
import { canAct, overview } from '../api/live.ts';
import type { QueueStats, TaskStatus } from '../api/wire.ts';
import { age, wholeSeconds } from '../format/durations.ts';
import { compact, count } from '../format/numbers.ts';
import { Dialog } from '../parts/dialog.tsx';
import { Empty } from '../parts/empty.tsx';
import { PauseIcon } from '../parts/icons.tsx';
import { retryAllFailed } from '../state/actions.ts';
import { href, query, setQuery } from '../state/location.ts';
import { notify, notifyError } from '../state/notices.ts';

const MANY = 10;

/** Queues: what they hold, how old it is, and what can be done. The filter is in the URL. */
export function Queues() {
  const retrying = useSignal<QueueStats | undefined>(undefined);
  const value = overview.value;
  if (value === undefined) {
    return <div class="loading" aria-busy="true" />;
  }
  const { queues, queueError } = value;
  const wanted = (query.value.get('search') ?? '').toLowerCase();
  const shown = queues.filter((it) => it.name.toLowerCase().includes(wanted));
  return (
    <>
      <header class="view-head">
        <h1>Queues</h1>
        {queues.length > MANY && (
          <input
            type="search"
            class="input small"
            placeholder={`Filter ${count(queues.length)} queues`}
            aria-label="Filter the queues"
            value={query.value.get('search') ?? ''}
            onInput={(event) => setQuery({ search: event.currentTarget.value }, { replace: true })}
          />
        )}
        {!canAct.value && queues.length > 0 && <p class="faint">Read-only: you can't pause, resume or retry.</p>}
      </header>
      {queueError !== undefined && <p class="banner is-bad">The queues can't be read: {queueError}</p>}
      {queues.length === 0 && queueError === undefined && (
        <Empty title="No queue is in use">
          <p>
            A task with a <code>queue</code> is kept in Redis or Postgres until it is done. Import{' '}
            <code>BullMqTasksModule</code>, then give a task a queue.
          </p>
        </Empty>
      )}
      {queues.length > 0 && shown.length === 0 && (
        <Empty title="No queue matches">
          <button type="button" class="button" onClick={() => setQuery({ search: undefined })}>
            Remove the filter
          </button>
        </Empty>
      )}
      {shown.length > 0 && (
        <div class="panel has-cards">
          <table class="table cards">
            <thead>
              <tr>
                <th scope="col">Queue</th>
                {columns.map(({ label, title }) => (
                  <th key={label} scope="col" class="number" title={title}>
                    {label}
                  </th>
                ))}
                {canAct.value && (
                  <th scope="col">
                    <span class="unseen">Actions</span>
                  </th>
                )}
              </tr>
            </thead>
            <tbody>
              {shown.map((queue) => (
                <Queue key={queue.name} queue={queue} onRetry={() => (retrying.value = queue)} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {retrying.value !== undefined && (
        <RetryFailed queue={retrying.value} onClose={() => (retrying.value = undefined)} />
      )}
    </>
  );
}

interface Column {
  label: string;
  title?: string;
  of: (queue: QueueStats) => number;
  /** The status of the tasks that it counts. */
  status: TaskStatus;
}

const counts: Column[] = [
  { label: 'Waiting', status: 'pending', title: 'Tasks that could run now', of: (it) => it.pending },
  { label: 'Delayed', status: 'pending', title: 'Tasks that wait for a time', of: (it) => it.delayed },
  { label: 'Running', status: 'running', of: (it) => it.running },
  { label: 'Completed', status: 'completed', title: 'As many as the queue keeps', of: (it) => it.completed },
  { label: 'Failed', status: 'failed', title: 'As many as the queue keeps', of: (it) => it.failed },
];
const columns: { label: string; title?: string }[] = [
  ...counts,
  { label: 'Oldest', title: 'How long the oldest task that could run now has waited' },
  { label: 'Last failure' },
];

function Queue({ queue, onRetry }: { queue: QueueStats; onRetry: () => void }) {
  const { name, isPaused, oldestAge, failedAge } = queue;
  const to = `/tasks?queue=${encodeURIComponent(name)}`;
  return (
    <tr>
      <th scope="row">
        <span class="queue-name">
          <a class="cut" href={href(to)} title={name}>
            {name}
          </a>
          {isPaused && (
            <span class="chip is-warn">
              <PauseIcon />
              Paused
            </span>
          )}
        </span>
      </th>
      {counts.map(({ label, status, of }) => (
        <td key={label} class="number" data-label={label}>
          <a href={href(`${to}&status=${status}`)} class={toneOf(status, of(queue))} title={count(of(queue))}>
            {compact(of(queue))}
          </a>
        </td>
      ))}
      <td class={oldestAge === undefined ? 'number faint' : 'number'} data-label="Oldest">
        {oldestAge === undefined ? '–' : wholeSeconds(oldestAge)}
      </td>
      <td class={failedAge === undefined ? 'number faint' : 'number'} data-label="Last failure">
        {failedAge === undefined ? '–' : `${age(failedAge)} ago`}
      </td>
      {canAct.value && (
        <td class="whole">
          <div class="queue-actions">
            {queue.failed > 0 && (
              <button type="button" class="button small" aria-label={`Retry failed tasks of ${name}`} onClick={onRetry}>
                Retry failed…
              </button>
            )}
            <button
              type="button"
              class="button small"
              aria-label={`${isPaused ? 'Resume' : 'Pause'} ${name}`}
              onClick={() => void setPaused(name, !isPaused)}
            >
              {isPaused ? 'Resume' : 'Pause'}
            </button>
          </div>
        </td>
      )}
    </tr>
  );
}

function toneOf(status: TaskStatus, value: number): string {
  if (value === 0) {
    return 'faint';
  }
  return status === 'failed' ? 'tone-bad' : '';
}

async function setPaused(queue: string, isPaused: boolean): Promise<void> {
  try {
    const answer = await (isPaused ? api.pause(queue) : api.resume(queue));
    const value = overview.value;
    if (value !== undefined) {
      const queues = value.queues.map((it) => (it.name === queue ? { ...it, isPaused: answer.isPaused } : it));
      overview.value = { ...value, queues };
    }
    notify(`The queue “${queue}” ${answer.isPaused ? 'is paused: its tasks wait' : 'takes tasks again'}.`);
  } catch (error) {
    notifyError(`The queue “${queue}” could not be ${isPaused ? 'paused' : 'resumed'}`, error);
  }
}

function RetryFailed({ queue, onClose }: { queue: QueueStats; onClose: () => void }) {
  const name = useSignal('');
  const search = useSignal('');
  const ask = (event: Event) => {
    event.preventDefault();
    onClose();
    void retryAllFailed({
      queue: queue.name,
      ...(name.value !== '' && { name: name.value }),
      ...(search.value !== '' && { search: search.value }),
    });
  };
  return (
    <Dialog title={`Retry failed tasks of “${queue.name}”`} onClose={onClose}>
      <form onSubmit={ask} class="form">
        <label>
          Name
          <input
            class="input"
            placeholder="any"
            list="retry-names"
            onInput={(event) => (name.value = event.currentTarget.value.trim())}
          />
        </label>
        <datalist id="retry-names">
          {Object.keys(overview.value?.stats.byName ?? {})
            .slice(0, 300)
            .map((it) => (
              <option key={it} value={it} />
            ))}
        </datalist>
        <label>
          Search
          <input
            class="input"
            placeholder="any name, id or route"
            onInput={(event) => (search.value = event.currentTarget.value.trim())}
          />
        </label>
        <p class="faint">Nothing happens yet: you see how many match first.</p>
        <footer class="dialog-foot">
          <button type="button" class="button" onClick={onClose}>
            Back
          </button>
          <button type="submit" class="button primary">
            Count what matches
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
