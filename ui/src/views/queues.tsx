import { useSignal } from '@preact/signals';
import { api } from '../api/client.ts';
import { canAct, overview } from '../api/live.ts';
import type { QueueStats } from '../api/wire.ts';
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
      <ul class="queues">
        {shown.map((queue) => (
          <Queue key={queue.name} queue={queue} onRetry={() => (retrying.value = queue)} />
        ))}
      </ul>
      {retrying.value !== undefined && (
        <RetryFailed queue={retrying.value} onClose={() => (retrying.value = undefined)} />
      )}
    </>
  );
}

function Queue({ queue, onRetry }: { queue: QueueStats; onRetry: () => void }) {
  const { name, isPaused, oldestAge, failedAge } = queue;
  const link = (status: string) => href(`/tasks?queue=${encodeURIComponent(name)}&status=${status}`);
  const counts = [
    { label: 'Waiting', value: queue.pending, to: link('pending'), title: 'Could run now' },
    { label: 'Delayed', value: queue.delayed, to: link('pending'), title: 'Wait for a time' },
    { label: 'Running', value: queue.running, to: link('running') },
    { label: 'Completed', value: queue.completed, to: link('completed'), title: 'As many as the queue keeps' },
    { label: 'Failed', value: queue.failed, to: link('failed'), tone: queue.failed > 0 ? 'tone-bad' : '' },
  ];
  return (
    <li class={isPaused ? 'panel queue is-paused' : 'panel queue'}>
      <div class="queue-head">
        <h2>
          <a href={href(`/tasks?queue=${encodeURIComponent(name)}`)}>{name}</a>
        </h2>
        {isPaused && (
          <span class="chip is-warn">
            <PauseIcon />
            Paused
          </span>
        )}
        {canAct.value && (
          <div class="queue-actions">
            {queue.failed > 0 && (
              <button type="button" class="button small" onClick={onRetry}>
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
        )}
      </div>
      <dl class="queue-counts">
        {counts.map(({ label, value, to, title, tone }) => (
          <div key={label}>
            <dt title={title}>{label}</dt>
            <dd>
              <a href={to} class={value === 0 ? 'faint' : tone} title={count(value)}>
                {compact(value)}
              </a>
            </dd>
          </div>
        ))}
        <div>
          <dt title="How long the oldest task that could run now has waited">Oldest</dt>
          <dd class={oldestAge === undefined ? 'faint' : ''}>{oldestAge === undefined ? '–' : wholeSeconds(oldestAge)}</dd>
        </div>
        <div>
          <dt title="How long ago a task last failed">Last failure</dt>
          <dd class={failedAge === undefined ? 'faint' : ''}>{failedAge === undefined ? '–' : `${age(failedAge)} ago`}</dd>
        </div>
      </dl>
    </li>
  );
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
