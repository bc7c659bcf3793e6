import { api } from '../api/client.ts';
import type { TaskSchedule } from '../api/wire.ts';
import { interval } from '../format/durations.ts';
import { Empty } from '../parts/empty.tsx';
import { Ago, Until } from '../parts/times.tsx';
import { useLoaded } from '../parts/use-loaded.ts';
import { href } from '../state/location.ts';
import { now } from '../state/clock.ts';
import { reasonOf } from '../state/notices.ts';
import { useEffect } from 'preact/hooks';

/** Time that the server has to take a task that is due, in ms. */
const TAKEN_IN = 2000;

/** Schedules, the next one first. */
export function Schedules() {
  const { value, error, reload } = useLoaded('schedules', api.schedules);
  const schedules = value?.toSorted((a, b) => nextOf(a) - nextOf(b));
  const isDue = schedules?.[0] !== undefined && now.value > nextOf(schedules[0]) + TAKEN_IN;
  const every = isDue ? Math.floor(now.value / TAKEN_IN) : 0;
  useEffect(() => {
    if (isDue) {
      reload();
    }
  }, [every]);
  return (
    <>
      <header class="view-head">
        <h1>Schedules</h1>
      </header>
      {error !== undefined && (
        <p class="banner is-bad">
          The schedules can't be loaded: {reasonOf(error)}{' '}
          <button type="button" class="button small" onClick={reload}>
            Try again
          </button>
        </p>
      )}
      {schedules === undefined && error === undefined && <div class="loading" aria-busy="true" />}
      {schedules?.length === 0 && (
        <Empty title="Nothing is scheduled">
          <p>
            Give a durable task <code>repeat</code>, such as <code>{"repeat: { pattern: '0 3 * * *' }"}</code>, and it
            appears here with its next run.
          </p>
        </Empty>
      )}
      {schedules !== undefined && schedules.length > 0 && (
        <div class="panel has-cards">
          <table class="table cards">
            <thead>
              <tr>
                <th scope="col">Task</th>
                <th scope="col">Next run</th>
                <th scope="col">When</th>
                <th scope="col">Last run</th>
                <th scope="col">Queue</th>
              </tr>
            </thead>
            <tbody>
              {schedules.map((schedule) => (
                <tr key={`${schedule.queue} ${schedule.name}`}>
                  <th scope="row">
                    <a class="cut" href={href(tasksOf(schedule))} title={schedule.name}>
                      {schedule.name}
                    </a>
                  </th>
                  <td data-label="Next run" class="strong">
                    {schedule.next === undefined ? '–' : <Until at={schedule.next} />}
                  </td>
                  <td data-label="When">
                    <When schedule={schedule} />
                  </td>
                  <td data-label="Last run">{schedule.lastRun === undefined ? '–' : <Ago at={schedule.lastRun} />}</td>
                  <td data-label="Queue">
                    <a class="cut" href={href(`/tasks?queue=${encodeURIComponent(schedule.queue)}`)}>
                      {schedule.queue}
                    </a>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}

/** A number, because two that are infinite have no difference. */
const nextOf = ({ next }: TaskSchedule) => (next === undefined ? Number.MAX_VALUE : Date.parse(next));

const tasksOf = ({ name, queue }: TaskSchedule) =>
  `/tasks?queue=${encodeURIComponent(queue)}&name=${encodeURIComponent(name)}`;

function When({ schedule: { every, pattern, tz } }: { schedule: TaskSchedule }) {
  if (pattern === undefined) {
    return <>{every === undefined ? '–' : interval(every)}</>;
  }
  return (
    <>
      <code>{pattern}</code> {tz && <span class="faint">{tz}</span>}
    </>
  );
}
