// Adds ten times as many tasks as the process can run, for a while. Memory stays flat, the excess is refused, and all
// accepted tasks run.
// node --expose-gc overload.mjs [SECONDS]
import { Agent, get } from 'node:http';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { startApplication } from '../application.mjs';
import { report } from '../figures.mjs';

const [seconds = 30] = process.argv.slice(2).map(Number);
const MAX_PENDING = 5_000;
/** Tasks a second that the process can run, and requests a second, each with one task. */
const CAPACITY = 100;
const RATE = 10 * CAPACITY;

let done = 0;
const { app, runner, port } = await startApplication(
  { maxPending: MAX_PENDING, concurrency: CAPACITY, shutdownTimeout: 120_000 },
  (tasks) => {
    tasks.addTask(async (payload) => {
      await sleep(1_000);
      done += payload.length > 0 ? 1 : 0;
    }, 'x'.repeat(1_000));
  },
);
const agent = new Agent({ keepAlive: true, maxSockets: 50 });

const statuses = new Map();
async function send() {
  const [response] = await once(get({ agent, host: '127.0.0.1', port }), 'response');
  await response.resume().toArray();
  statuses.set(response.statusCode, (statuses.get(response.statusCode) ?? 0) + 1);
}

/** MB. */
function heap() {
  globalThis.gc();
  return process.memoryUsage().heapUsed / 1e6;
}

// Until maxPending is reached.
while ((statuses.get(503) ?? 0) === 0) {
  await Promise.all(Array.from({ length: 200 }, send));
}
const heaps = [heap()];
const end = performance.now() + seconds * 1_000;
let most = 0;
while (performance.now() < end) {
  const next = performance.now() + 1_000;
  await Promise.all(Array.from({ length: RATE }, send));
  const { pending, running } = runner.stats();
  most = Math.max(most, pending + running);
  heaps.push(heap());
  await sleep(Math.max(0, next - performance.now()));
}
const accepted = statuses.get(200);
const refused = statuses.get(503);
agent.destroy();
// close() waits for the accepted tasks.
await app.close();

const grown = Math.max(...heaps) - heaps[0];
console.log(`${seconds} s of ${RATE} tasks a second where ${CAPACITY} can be done, maxPending ${MAX_PENDING}`);
report('  refused with a 503', refused, '', refused > 0);
report('  anything but 200 and 503', statuses.size - 2, '0', statuses.size === 2);
report('  accepted and not settled, at the most', most, `<= ${MAX_PENDING}`, most <= MAX_PENDING);
report('  accepted', accepted);
report('  done', done, `${accepted}`, done === accepted);
report('  heap after gc(), most over the start', `${grown.toFixed(1)} MB`, '< 10 MB', grown < 10);
