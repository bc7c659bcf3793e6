import { useEffect, useState } from 'preact/hooks';
import { api } from '../../api/client.ts';
import { onUpdate, reloads } from '../../api/live.ts';
import type { TaskRow } from '../../api/wire.ts';
import { counted } from '../../format/numbers.ts';
import { StatusIcon } from '../../parts/icons.tsx';
import { Progress } from '../../parts/progress.tsx';
import { Since } from '../../parts/times.tsx';
import { now } from '../../state/clock.ts';
import { href, taskPath } from '../../state/location.ts';
import { throttle } from '../../state/throttle.ts';

const SHOWN = 8;
const LOADED = 200;
/** Tasks that end sooner would only flicker. */
const SETTLED_IN = 1000;

/** What runs now and since when, the longest first. Rows stay where they are while their tasks run. */
export function RunningNow({ running }: { running: number }) {
  const tasks = useRunning();
  const long = tasks
    .filter((it) => it.progress !== undefined || now.value - startOf(it) >= SETTLED_IN)
    .toSorted((a, b) => startOf(a) - startOf(b));
  const shown = long.slice(0, SHOWN);
  const others = Math.max(running, tasks.length) - shown.length;
  return (
    <section class="panel" aria-label="Running now">
      <header class="panel-head">
        <h2>Running now</h2>
        <a class="more" href={href('/tasks?status=running')}>
          All running tasks
        </a>
      </header>
      <div class="running">
        {shown.map((task) => (
          <a key={task.id} class="running-row" href={href(taskPath(task.id))}>
            <StatusIcon status="running" />
            <span class="running-name" title={task.name}>
              {task.name}
            </span>
            <span class="running-progress">
              {task.progress === undefined ? (
                <span class="faint">{task.route ?? ''}</span>
              ) : (
                <Progress value={task.progress} name={task.name} />
              )}
            </span>
            <span class="running-where">{whereOf(task)}</span>
            <span class="running-since">
              <Since at={task.startedAt ?? task.createdAt} />
            </span>
          </a>
        ))}
        {shown.length === 0 && (
          <p class="running-none">
            {others > 0 ? 'No task has run for longer than a second.' : 'Nothing runs at the moment.'}
          </p>
        )}
      </div>
      {others > 0 && (
        <p class="panel-foot">
          {long.length > SHOWN
            ? `and ${counted(others, 'more task')}`
            : `and ${counted(others, 'task')} that began within the last second`}
        </p>
      )}
    </section>
  );
}

const startOf = (task: TaskRow) => Date.parse(task.startedAt ?? task.createdAt);

export function whereOf({ target, queue }: TaskRow): string {
  if (target === 'queue') {
    return queue ?? 'queue';
  }
  return target === 'thread' ? 'thread' : 'event loop';
}

function useRunning(): TaskRow[] {
  const [tasks, setTasks] = useState<TaskRow[]>([]);
  useEffect(() => {
    let isOver = false;
    const load = throttle(() => {
      api.tasks({ status: 'running' }, 0, LOADED).then(
        (page) => !isOver && setTasks(page.tasks),
        // The connection's state says that the server doesn't answer; updates go on when it does.
        () => undefined,
      );
    }, 2000);
    load();
    const end = onUpdate((update) => {
      setTasks((before) => merge(before, update.tasks));
      if (update.more) {
        load();
      }
    });
    return () => {
      isOver = true;
      load.stop();
      end();
    };
  }, [reloads.value]);
  return tasks;
}

function merge(before: TaskRow[], changed: TaskRow[]): TaskRow[] {
  const byId = new Map(before.map((it) => [it.id, it]));
  for (const task of changed) {
    if (task.status === 'running') {
      byId.set(task.id, task);
    } else {
      byId.delete(task.id);
    }
  }
  return [...byId.values()];
}
