import type { QueueStats } from '../../api/wire.ts';
import { wholeSeconds } from '../../format/durations.ts';
import { compact, count } from '../../format/numbers.ts';
import { Empty } from '../../parts/empty.tsx';
import { PauseIcon } from '../../parts/icons.tsx';
import { href } from '../../state/location.ts';

const SHOWN = 8;

/** Queues, with the age of the oldest task that could run. */
export function QueuesPanel({ queues, queueError }: { queues: QueueStats[]; queueError?: string | undefined }) {
  return (
    <section class="panel" aria-label="Queues">
      <header class="panel-head">
        <h2>Queues</h2>
        <a class="more" href={href('/queues')}>
          All queues
        </a>
      </header>
      {queueError !== undefined && <p class="banner is-bad">The queues can't be read: {queueError}</p>}
      {queues.length === 0 ? (
        queueError === undefined && (
          <Empty title="No queue is in use">
            <p>
              Give a task a <code>queue</code> to keep it when the process ends.
            </p>
          </Empty>
        )
      ) : (
        <table class="table compact">
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col" class="number">
                Waiting
              </th>
              <th scope="col" class="number">
                Running
              </th>
              <th scope="col" class="number">
                Failed
              </th>
              <th scope="col" class="number">
                Oldest
              </th>
            </tr>
          </thead>
          <tbody>
            {queues.slice(0, SHOWN).map((queue) => (
              <tr key={queue.name}>
                <th scope="row">
                  <a class="cut" href={href(`/tasks?queue=${encodeURIComponent(queue.name)}`)} title={queue.name}>
                    {queue.name}
                  </a>
                  {queue.isPaused && (
                    <span class="paused" title="Paused">
                      <PauseIcon />
                      <span class="unseen">paused</span>
                    </span>
                  )}
                </th>
                <td class="number" title={`${count(queue.delayed)} more wait for a time`}>
                  {compact(queue.pending)}
                </td>
                <td class="number">{compact(queue.running)}</td>
                <td class={queue.failed > 0 ? 'number tone-bad' : 'number faint'}>{compact(queue.failed)}</td>
                <td class="number">{queue.oldestAge === undefined ? '–' : wholeSeconds(queue.oldestAge)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {queues.length > SHOWN && <p class="panel-foot">and {count(queues.length - SHOWN)} more</p>}
    </section>
  );
}
