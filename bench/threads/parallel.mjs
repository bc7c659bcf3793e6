// Runs ten tasks that compute: on two threads, and one after the other on the event loop.
import { median, report } from '../figures.mjs';
import { startApplication } from '../application.mjs';
import { work, workInThread } from './cpu.task.mjs';

const ROUNDS = 5;
const TASKS = 10;
const WORK = 30_000_000;

const { app, runner } = await startApplication({ pool: { maxThreads: 2 } });

async function measure(task) {
  const start = performance.now();
  await Promise.all(Array.from({ length: TASKS }, () => runner.start(task, WORK).settled()));
  return performance.now() - start;
}

await measure(workInThread);
await measure(work);
const ratios = [];
for (let i = 0; i < ROUNDS; i++) {
  ratios.push((await measure(work)) / (await measure(workInThread)));
}
await app.close();

const ratio = median(ratios);
report(
  `${TASKS} tasks on two threads, against the event loop: times as fast`,
  ratio.toFixed(2),
  '>= 1.8',
  ratio >= 1.8,
);
