import { useEffect, useMemo } from 'preact/hooks';
import { api, ApiError } from '../../api/client.ts';
import { canAct, onUpdate } from '../../api/live.ts';
import type { TaskView } from '../../api/wire.ts';
import { useKeys } from '../../keys/keys.ts';
import { Empty } from '../../parts/empty.tsx';
import { ErrorDetails } from '../../parts/error-details.tsx';
import { CopyIcon } from '../../parts/icons.tsx';
import { Json } from '../../parts/json.tsx';
import { Progress } from '../../parts/progress.tsx';
import { Status } from '../../parts/status.tsx';
import { TaskName } from '../../parts/task-name.tsx';
import { useLoaded } from '../../parts/use-loaded.ts';
import { act } from '../../state/actions.ts';
import { href, navigate } from '../../state/location.ts';
import { notify, reasonOf } from '../../state/notices.ts';
import { throttle } from '../../state/throttle.ts';
import { Facts } from './facts.tsx';
import { Timeline } from './timeline.tsx';

const RELOAD_EVERY = 500;

/** One task: its states and attempts, its errors, and what is known of it. */
export function Task({ id }: { id: string }) {
  const { value, error, reload } = useLoaded(id, () => api.task(id));
  const reloadSoon = useMemo(() => throttle(reload, RELOAD_EVERY), [id]);
  useEffect(() => {
    const end = onUpdate(({ tasks, more }) => {
      if (more || tasks.some((it) => it.id === id)) {
        reloadSoon();
      }
    });
    return () => {
      end();
      reloadSoon.stop();
    };
  }, [id]);
  const actOn = (action: 'cancel' | 'retry') => {
    if (value !== undefined && canAct.value) {
      act(action, [value.task], reload);
    }
  };
  useKeys({
    c: () => actOn('cancel'),
    r: () => actOn('retry'),
    Escape: () => (window.history.length > 1 ? window.history.back() : navigate('/tasks')),
  });
  if (error instanceof ApiError && error.status === 404) {
    return (
      <Empty title="There is no task with this id">
        <p>It may be too old: the history and the queues keep only the latest tasks.</p>
        <a class="button" href={href(`/tasks?search=${encodeURIComponent(id)}`)}>
          Search for it
        </a>
      </Empty>
    );
  }
  if (value === undefined) {
    return error === undefined ? (
      <div class="loading" aria-busy="true" />
    ) : (
      <Empty title="The task can't be loaded">
        <p>{reasonOf(error)}</p>
        <button type="button" class="button" onClick={reload}>
          Try again
        </button>
      </Empty>
    );
  }
  return <Details details={value} actOn={actOn} />;
}

function Details({ details, actOn }: { details: TaskView; actOn: (action: 'cancel' | 'retry') => void }) {
  const { task, attempts } = details;
  const lastError = task.error ?? attempts.at(-1)?.error;
  return (
    <article class="task">
      <header class="task-head">
        <div class="task-title">
          <p class="crumb">
            <a href={href('/tasks')}>Tasks</a>
          </p>
          <h1>
            <TaskName name={task.name} />
          </h1>
          <p class="task-id">
            <Status status={task.status} />
            <code>{task.id}</code>
            <button
              type="button"
              class="button icon-only quiet small"
              aria-label="Copy the id"
              title="Copy the id"
              onClick={() => void copy(task.id)}
            >
              <CopyIcon />
            </button>
          </p>
        </div>
        {canAct.value ? (
          <div class="task-actions">
            {task.canCancel && (
              <button type="button" class="button" onClick={() => actOn('cancel')}>
                Cancel <kbd aria-hidden="true">c</kbd>
              </button>
            )}
            {task.canRetry && (
              <button type="button" class="button primary" onClick={() => actOn('retry')}>
                Retry <kbd aria-hidden="true">r</kbd>
              </button>
            )}
          </div>
        ) : (
          <p class="faint">Read-only: you can't cancel or retry.</p>
        )}
      </header>
      {details.queueError !== undefined && (
        <p class="banner is-bad">This task may be out of date: {details.queueError}</p>
      )}
      <div class="columns">
        <div class="column-main">
          {task.progress !== undefined && (
            <section class="panel" aria-label="Progress">
              <header class="panel-head">
                <h2>Progress</h2>
              </header>
              <div class="panel-text task-progress">
                <Progress value={task.progress} name={task.name} />
              </div>
            </section>
          )}
          {lastError !== undefined && (
            <section class="panel" aria-label="Error">
              <header class="panel-head">
                <h2>{headOf(task.status)}</h2>
              </header>
              <div class="panel-text">
                <ErrorDetails error={lastError} />
              </div>
            </section>
          )}
          <Timeline task={task} attempts={attempts} />
        </div>
        <div class="column-side">
          <Facts task={task} />
          <section class="panel" aria-label="Arguments">
            <header class="panel-head">
              <h2>Arguments</h2>
            </header>
            {details.arguments === undefined ? (
              <p class="panel-text faint">
                Hidden. Pass <code>redact</code> to <code>BackgroundTasksDashboardModule.forRoot()</code> and return
                from it what to show of this task.
              </p>
            ) : (
              <Json value={details.arguments} label="Arguments" />
            )}
          </section>
          {task.status === 'completed' && (
            <section class="panel" aria-label="Result">
              <header class="panel-head">
                <h2>Result</h2>
              </header>
              {task.result === undefined ? (
                <p class="panel-text faint">
                  {task.resultOmitted ?? 'The task returned nothing, or its result is hidden.'}
                </p>
              ) : (
                <Json value={task.result} label="Result" />
              )}
            </section>
          )}
        </div>
      </div>
    </article>
  );
}

function headOf(status: TaskView['task']['status']): string {
  if (status === 'failed') {
    return 'Why it failed';
  }
  return status === 'cancelled' || status === 'skipped' ? `Why it was ${status}` : 'Why the last attempt failed';
}

async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    notify('The id is copied.');
  } catch {
    notify('The browser does not allow copying.', true);
  }
}
