// Sends requests with tasks, failures, retries and threads for a while. Measures what is left in memory.
// node --expose-gc steady.mjs [SECONDS]
import { Agent, get } from 'node:http';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { startApplication } from '../application.mjs';
import { report } from '../figures.mjs';
import { addOneInThread } from '../threads/cpu.task.mjs';

const [seconds = 60] = process.argv.slice(2).map(Number);

let count = 0;
const { app, runner, port } = await startApplication({ pool: { maxThreads: 1 }, history: { max: 100 } }, (tasks) => {
  count++;
  tasks.addTask(async () => sleep(Math.random() * 20));
  tasks.addTask(addOneInThread, count);
  tasks.with({ attempts: 3, backoff: { type: 'exponential', delay: 5, jitter: 1 } }).addTask(async () => {
    if (Math.random() < 0.3) {
      throw new Error('now and then');
    }
  });
  tasks.with({ timeout: 10 }).addTask(() => sleep(Math.random() * 15));
});
const agent = new Agent({ keepAlive: true, maxSockets: 20 });

async function load(duration) {
  const end = performance.now() + duration;
  const client = async () => {
    while (performance.now() < end) {
      const request = get({ agent, host: '127.0.0.1', port });
      const [response] = await once(request, 'response');
      await response.resume().toArray();
      await sleep(20);
    }
  };
  await Promise.all(Array.from({ length: 20 }, client));
  await runner.drain();
  // Threads and sockets that were closed are freed in later turns of the event loop.
  await sleep(500);
}

const listeners = (emitter) => emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0);

function look() {
  globalThis.gc();
  globalThis.gc();
  const handles = process.getActiveResourcesInfo().filter((name) => !/Timeout|Immediate|FSReq/.test(name));
  return {
    heap: process.memoryUsage().heapUsed / 1e6,
    handles: handles.length,
    listeners: listeners(process) + listeners(app.getHttpServer()),
  };
}

await load(Math.min(5_000, seconds * 250));
const before = look();
await load(seconds * 1_000);
const after = look();
const { completed, failed, cancelled, skipped, pending, running } = runner.stats();
agent.destroy();
await app.close();

console.log(
  `${seconds} s of steady load: ${count} requests, ${completed} tasks completed, ${failed} failed, ${skipped} skipped`,
);
report(
  '  all came to their end',
  completed + failed + cancelled + skipped,
  `${4 * count}`,
  pending + running === 0 && completed + failed + cancelled + skipped === 4 * count,
);
report(
  '  heap after gc(), more than at the start',
  `${(after.heap - before.heap).toFixed(1)} MB`,
  '< 3 MB',
  after.heap - before.heap < 3,
);
report(
  '  handles at the start, and at the end',
  `${before.handles} ${after.handles}`,
  'the same',
  before.handles === after.handles,
);
report(
  '  listeners, likewise',
  `${before.listeners} ${after.listeners}`,
  'the same',
  before.listeners === after.listeners,
);
