import { application } from './requests.mjs';
import { runner } from './runner.mjs';
import { row } from './table.mjs';
import { takeTurns } from './turns.mjs';

export const unit = 'µs of CPU a task';

const IN_A_REQUEST = [1, 10, 100, 1_000];
const AT_ONCE = [1, 1_000, 100_000];
/** Requests of a round at least, and tasks. */
const REQUESTS = 10_000;
const TASKS = 50_000;
/** Tasks that are added before the next requests are sent. */
const TASKS_OF_A_BATCH = 1_000;

/** A side whose requests wait for the tasks of those before: else they could come faster than their tasks run. */
const inBatches = (count, settings) => async () => {
  const spec = { platform: 'Fastify', scope: 'DEFAULT', tasks: 'injected', count };
  const { url, ask, stop } = await application(spec, settings)();
  const total = count <= 1 ? REQUESTS : TASKS / count;
  const atOnce = Math.min(32, TASKS_OF_A_BATCH / Math.max(count, 1));
  const costOfRequest = async () => {
    const before = await ask('cpuTime');
    let sent = 0;
    let now;
    while (sent < total) {
      await Promise.all(Array.from({ length: atOnce }, async () => (await fetch(url)).text()));
      sent += atOnce;
      now = await ask('cpuTime');
    }
    return (now - before) / sent;
  };
  return { measure: costOfRequest, stop };
};

/** Whether a task costs the same however many there are: what a request without tasks costs is taken off. */
export async function* measure(settings) {
  const [none, ...each] = await takeTurns(
    settings.rounds,
    [0, ...IN_A_REQUEST].map((count) => inBatches(count, settings)),
  );
  for (const [i, count] of IN_A_REQUEST.entries()) {
    const ours = each[i].map((cost, round) => (cost - none[round]) / count);
    yield row({ what: `tasks a request: ${count.toLocaleString('en')} (Fastify, DEFAULT)`, ours });
  }
  const pending = await takeTurns(
    settings.rounds,
    AT_ONCE.map((atOnce) => runner('ours', 'run', { count: 100_000, atOnce })),
  );
  for (const [i, atOnce] of AT_ONCE.entries()) {
    yield row({ what: `tasks at once: ${atOnce.toLocaleString('en')} (TaskRunner)`, ours: pending[i] });
  }
}
