// Runs ten thousand tasks; every 50th kills its thread. All settle once, and memory doesn't grow.
// Then cancels 500 tasks while their threads start, load or run. No file descriptor stays open.
import { existsSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { report } from '../figures.mjs';
import { startApplication } from '../application.mjs';
import { busyInThread, dieInThread } from './cpu.task.mjs';

const TASKS = 10_000;
const CANCELLED = 500;
const DESCRIPTORS = '/proc/self/fd';

const { app, runner } = await startApplication({ pool: { maxThreads: 2 } });

function heapUsed() {
  globalThis.gc();
  return process.memoryUsage().heapUsed / 1e6;
}

async function runMany(count) {
  const settled = new Map();
  const subscription = runner.events.subscribe(({ type, task }) => {
    if (type === 'completed' || type === 'failed') {
      settled.set(task.id, (settled.get(task.id) ?? 0) + 1);
    }
  });
  const tasks = Array.from({ length: count }, (_, i) => runner.start(dieInThread, i + 1));
  await runner.drain();
  subscription.unsubscribe();
  return {
    settled: tasks.filter(({ finishedAt }) => finishedAt).length,
    once: [...settled.values()].every((times) => times === 1) && settled.size === count,
    failed: tasks.filter(({ status }) => status === 'failed').length,
    right: tasks.every(({ status, result }, i) => (status === 'completed') === (result === i + 1)),
  };
}

/** Cancels each task at another time after its start, up to 60 ms: in that time a thread starts and loads the task. */
async function cancelMany(count) {
  for (let i = 0; i < count; i++) {
    const task = runner.start(busyInThread, 60_000);
    await sleep(i % 60);
    task.cancel();
    await task.settled();
  }
}

await runMany(500);
const before = { heap: heapUsed(), rss: process.memoryUsage.rss() / 1e6 };
const start = performance.now();
const outcome = await runMany(TASKS);
const seconds = (performance.now() - start) / 1_000;
const after = { heap: heapUsed(), rss: process.memoryUsage.rss() / 1e6 };
const descriptors = () => readdirSync(DESCRIPTORS).length;
const openBefore = existsSync(DESCRIPTORS) ? descriptors() : undefined;
await cancelMany(CANCELLED);
const openAfter = openBefore === undefined ? undefined : descriptors();
await app.close();

console.log(`${TASKS} tasks, where every 50th kills its thread (${seconds.toFixed(1)} s)`);
report('  settled', outcome.settled, String(TASKS), outcome.settled === TASKS);
report('  each once, with its own result', outcome.once && outcome.right, 'true', outcome.once && outcome.right);
report('  failed', outcome.failed, String(TASKS / 50), outcome.failed === TASKS / 50);
const grown = after.heap - before.heap;
report('  heap after gc(), more than before', `${grown.toFixed(1)} MB`, '< 5 MB', grown < 5);
report('  resident memory, more than before', `${(after.rss - before.rss).toFixed(0)} MB`);
if (openBefore !== undefined) {
  console.log(`${CANCELLED} tasks, cancelled while their threads start, load or run`);
  report('  open file descriptors', `${openBefore} -> ${openAfter}`, '< 20 more', openAfter - openBefore < 20);
}
