// What a task costs beside Piscina used directly with the same function.
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { median, percentile, report } from '../figures.mjs';
import { startApplication } from '../application.mjs';
import { addOneInThread } from './cpu.task.mjs';

const ROUNDS = 9;
const SINGLE = 3_000;
const IN_FLIGHT = 64;
const MANY = 20_000;

const { app, runner } = await startApplication({ pool: { maxThreads: 1 } });
const piscina = new Piscina({
  filename: fileURLToPath(new URL('./cpu.task.mjs', import.meta.url)),
  name: 'addOne',
  minThreads: 1,
  maxThreads: 1,
  atomics: 'disabled',
});
const ours = (n) => runner.start(addOneInThread, n).settled();
const direct = (n) => piscina.run(n);

/** µs that one takes, with nothing else to do. */
async function single(run) {
  const times = [];
  for (let i = 0; i < SINGLE; i++) {
    const start = performance.now();
    await run(i);
    times.push((performance.now() - start) * 1_000);
  }
  return percentile(times, 50);
}

/** Tasks a second, so many in flight. */
async function throughput(run) {
  let next = 0;
  const start = performance.now();
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      while (next < MANY) {
        await run(next++);
      }
    }),
  );
  return (MANY / (performance.now() - start)) * 1_000;
}

for (const warmUp of [single, throughput]) {
  await warmUp(ours);
  await warmUp(direct);
}
const singles = [];
const throughputs = [];
for (let i = 0; i < ROUNDS; i++) {
  singles.push({ ours: await single(ours), direct: await single(direct) });
  throughputs.push({ ours: await throughput(ours), direct: await throughput(direct) });
}
await piscina.close();
await app.close();

const more = median(singles.map((round) => round.ours - round.direct));
const ratio = median(throughputs.map((round) => round.ours / round.direct));
console.log(`Against Piscina used directly (median of ${ROUNDS} rounds)`);
report('  one task, p50: directly', `${median(singles.map((round) => round.direct)).toFixed(1)} µs`);
report('  one task, p50: more', `${more.toFixed(1)} µs`, '<= 15 µs', more <= 15);
report('  directly, 64 in flight', `${median(throughputs.map((round) => round.direct)).toFixed(0)} /s`);
report('  64 in flight, ratio', ratio.toFixed(2), '>= 0.9', ratio >= 0.9);
