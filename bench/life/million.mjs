// Runs a million small tasks through TaskRunner with a history. Measures what stays in memory, and compares the speed
// with the same functions awaited directly.
import { report } from '../figures.mjs';
import { startApplication } from '../application.mjs';

const TASKS = 1_000_000;
const AT_ONCE = 1_000;

const { app, runner } = await startApplication();
let done = 0;
const small = async (n) => {
  done++;
  return n;
};

function heapUsed() {
  globalThis.gc();
  return process.memoryUsage().heapUsed / 1e6;
}

/** @returns tasks a second */
async function measure(run, count) {
  const start = performance.now();
  for (let i = 0; i < count; i += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, j) => run(i + j)));
  }
  return (count / (performance.now() - start)) * 1_000;
}

await measure((n) => runner.start(small, n).settled(), 10_000);
const before = heapUsed();
done = 0;
const ours = await measure((n) => runner.start(small, n).settled(), TASKS);
const grown = heapUsed() - before;
const isAllDone = done === TASKS;
const byHand = await measure(small, TASKS);
const { completed } = runner.stats();
await app.close();

console.log(`${TASKS.toLocaleString('en')} small tasks through TaskRunner`);
report('  done, and counted', `${done} ${completed}`, '', isAllDone && completed === TASKS + 10_000);
report('  heap after gc(), more than before', `${grown.toFixed(1)} MB`, '< 20 MB', grown < 20);
report('  through TaskRunner', `${Math.round(ours).toLocaleString('en')} /s`);
report('  awaited by hand', `${Math.round(byHand).toLocaleString('en')} /s`);
