// Measures how a task that computes for 2 s delays other requests: in a thread, and on the event loop.
import { execFile } from 'node:child_process';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { median, percentile, report } from '../figures.mjs';
import { startApplication } from '../application.mjs';
import { busyFor, busyInThread } from './cpu.task.mjs';

const ROUNDS = 5;
const TASK = 2_000;
const client = fileURLToPath(new URL('./client.mjs', import.meta.url));

const { app, runner, port } = await startApplication({ pool: { maxThreads: 1 } });

/** Measures p99, in ms, of another route's answers and of the delay of the event loop while the work runs. */
async function measure(start) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const asking = promisify(execFile)(process.execPath, [client, String(port), String(TASK)]);
  const task = start?.();
  delay.enable();
  const { stdout } = await asking;
  delay.disable();
  await task?.settled();
  return { route: percentile(JSON.parse(stdout), 99), loop: delay.percentile(99) / 1e6 };
}

await runner.start(busyInThread, 1).settled();
await measure();
const rounds = [];
for (let i = 0; i < ROUNDS; i++) {
  rounds.push({ idle: await measure(), thread: await measure(() => runner.start(busyInThread, TASK)) });
}
const inline = await measure(() => runner.start(busyFor, TASK));
await app.close();

const loop = median(rounds.map(({ thread }) => thread.loop));
const ratio = median(rounds.map(({ idle, thread }) => thread.route / idle.route));
console.log(`While a task keeps a processor busy for ${TASK / 1_000} s (median of ${ROUNDS} rounds)`);
report('  in a thread: delay of the event loop, p99', `${loop.toFixed(1)} ms`, '< 20 ms', loop < 20);
report('  in a thread: other route, p99, against idle', ratio.toFixed(2), '<= 1.5', ratio <= 1.5);
report('  idle: other route, p99', `${median(rounds.map(({ idle }) => idle.route)).toFixed(1)} ms`);
report('  on the event loop, for contrast: its delay, p99', `${inline.loop.toFixed(0)} ms`);
report('  on the event loop, for contrast: other route, p99', `${inline.route.toFixed(0)} ms`);
