import type { ComponentChildren } from 'preact';
import type { AttemptRecord, TaskRow, TaskStatus } from '../../api/wire.ts';
import { absolute, duration, preciseTimeOfDay, timeBetween } from '../../format/durations.ts';
import { ErrorDetails } from '../../parts/error-details.tsx';
import { StatusIcon } from '../../parts/icons.tsx';
import { isSettled, statusName } from '../../parts/status.tsx';
import { Since } from '../../parts/times.tsx';
import { now } from '../../state/clock.ts';

interface Step {
  key: string;
  status: TaskStatus;
  title: string;
  at?: string | undefined;
  note?: ComponentChildren;
  details?: ComponentChildren;
}

/** The states of a task in their order: when each began, and how long it lasted. */
export function Timeline({ task, attempts }: { task: TaskRow; attempts: AttemptRecord[] }) {
  const steps = stepsOf(task, attempts);
  return (
    <section class="panel" aria-label="Timeline">
      <header class="panel-head">
        <h2>Timeline</h2>
      </header>
      <Strip task={task} attempts={attempts} />
      <ol class="timeline">
        {steps.map(({ key, status, title, at, note, details }) => (
          <li key={key} class={`step is-${status}`}>
            <span class="step-mark">
              <StatusIcon status={status} />
            </span>
            <div class="step-body">
              <p class="step-line">
                <span class="step-title">{title}</span>
                {note && <span class="step-note">{note}</span>}
                {at !== undefined && (
                  <time class="step-time" dateTime={at} title={absolute(at)}>
                    {preciseTimeOfDay(at)}
                  </time>
                )}
              </p>
              {details}
            </div>
          </li>
        ))}
      </ol>
    </section>
  );
}

function stepsOf(task: TaskRow, attempts: AttemptRecord[]): Step[] {
  const steps: Step[] = [{ key: 'added', status: 'pending', title: 'Added', at: task.createdAt, note: task.route }];
  for (const attempt of attempts) {
    steps.push(...stepsOfAttempt(attempt, attempt === attempts.at(-1), attempts.length > 1, task));
  }
  if (task.status === 'pending') {
    steps.push({
      key: 'pending',
      status: 'pending',
      title: attempts.length > 0 ? 'Waits for the next attempt' : 'Waits',
      note: attempts.length > 0 ? undefined : <Since at={task.createdAt} />,
    });
  } else if (isSettled(task.status)) {
    const whole = task.finishedAt === undefined ? undefined : timeBetween(task.createdAt, task.finishedAt);
    steps.push({
      key: 'end',
      status: task.status,
      title: statusName(task.status),
      at: task.finishedAt,
      note: whole === undefined ? undefined : `${duration(whole)} after it was added`,
    });
  }
  return steps;
}

function stepsOfAttempt(attempt: AttemptRecord, isLast: boolean, isOneOfMany: boolean, task: TaskRow): Step[] {
  const { attempt: number, startedAt, finishedAt, error, delay } = attempt;
  const key = `attempt-${number}`;
  const title = isOneOfMany ? `Attempt ${number}` : 'Started';
  if (isLast && task.status === 'running') {
    const note =
      startedAt === undefined ? (
        'runs'
      ) : (
        <>
          runs for <Since at={startedAt} />
        </>
      );
    return [{ key, status: 'running', title, at: startedAt, note }];
  }
  const ran =
    startedAt === undefined || finishedAt === undefined
      ? undefined
      : `ran ${duration(timeBetween(startedAt, finishedAt))}`;
  if (error === undefined) {
    return [{ key, status: 'running', title, at: startedAt, note: ran }];
  }
  const retry = delay === undefined || delay <= 0 ? undefined : `next one after ${duration(delay)}`;
  return [
    {
      key,
      status: 'failed',
      title: `Attempt ${number} failed`,
      at: startedAt,
      note: [ran, retry].filter((it) => it !== undefined).join(', ') || undefined,
      // The last error has a place of its own above.
      details: isLast && task.error !== undefined ? undefined : <ErrorDetails error={error} />,
    },
  ];
}

/** Waiting and running to scale: what took the time is seen at once. */
function Strip({ task, attempts }: { task: TaskRow; attempts: AttemptRecord[] }) {
  const begin = Date.parse(task.createdAt);
  const end = task.finishedAt === undefined ? Math.max(now.value, begin + 1) : Date.parse(task.finishedAt);
  const length = Math.max(1, end - begin);
  const parts = attempts.flatMap(({ attempt, startedAt, finishedAt, error }) => {
    // Queues keep the times of few attempts: one that others followed has not lasted until now.
    const isWithoutEnd = finishedAt === undefined && attempt !== attempts.at(-1)?.attempt;
    if (startedAt === undefined || isWithoutEnd) {
      return [];
    }
    const from = Date.parse(startedAt);
    const to = finishedAt === undefined ? end : Date.parse(finishedAt);
    const place = { left: `${((from - begin) / length) * 100}%`, width: `${((to - from) / length) * 100}%` };
    const kind = error === undefined ? (finishedAt === undefined ? 'running' : 'completed') : 'failed';
    return [<span key={attempt} class={`strip-part is-${kind}`} style={place} />];
  });
  if (parts.length === 0 && attempts.length > 0) {
    return null;
  }
  return (
    <div class="strip-box" aria-hidden="true">
      <div class="strip">{parts}</div>
      <p class="strip-legend">
        <span>0</span>
        <span>{duration(length)}</span>
      </p>
    </div>
  );
}
