import type { ComponentChildren } from 'preact';
import type { TaskRow } from '../../api/wire.ts';
import { duration, timeBetween } from '../../format/durations.ts';
import { count } from '../../format/numbers.ts';
import { Ago, Since } from '../../parts/times.tsx';
import { href } from '../../state/location.ts';

const targets = { 'event-loop': 'Event loop of this process', thread: 'Worker thread', queue: 'Queue' };

/** What is known of a task beside its states. */
export function Facts({ task }: { task: TaskRow }) {
  const { createdAt, startedAt, finishedAt } = task;
  return (
    <section class="panel" aria-label="Facts">
      <header class="panel-head">
        <h2>Facts</h2>
      </header>
      <dl class="facts">
        <Fact label="Added by">
          {task.route === undefined ? (
            <span class="faint">no request</span>
          ) : (
            <a href={href(`/tasks?route=${encodeURIComponent(task.route)}`)}>{task.route}</a>
          )}
        </Fact>
        <Fact label="Runs in">
          {task.queue === undefined ? (
            targets[task.target]
          ) : (
            <>
              Queue <a href={href(`/tasks?queue=${encodeURIComponent(task.queue)}`)}>{task.queue}</a>
            </>
          )}
        </Fact>
        <Fact label="Added">
          <Ago at={createdAt} />
        </Fact>
        <Fact label="Waited">
          {startedAt === undefined ? <Since at={createdAt} /> : duration(timeBetween(createdAt, startedAt))}
        </Fact>
        {startedAt !== undefined && (
          <Fact label={finishedAt === undefined ? 'Runs for' : 'Ran'}>
            {finishedAt === undefined ? <Since at={startedAt} /> : duration(timeBetween(startedAt, finishedAt))}
          </Fact>
        )}
        <Fact label="Attempts">{count(task.attempts)}</Fact>
        <Fact label="Alike">
          <a href={href(`/tasks?name=${encodeURIComponent(task.name)}`)}>All tasks of this name</a>
        </Fact>
      </dl>
    </section>
  );
}

const Fact = ({ label, children }: { label: string; children: ComponentChildren }) => (
  <div>
    <dt>{label}</dt>
    <dd>{children}</dd>
  </div>
);
