// Compares a task in a thread with Piscina used directly with the same function.
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
const sides = {
  ours: (n) => runner.start(addOneInThread, n).settled(),
  direct: (n) => piscina.run(n),
};
const withObject = {
  ours: (n) => runner.start(addOneInThread, makeObject(n)).settled(),
  direct: (n) => piscina.run(makeObject(n)),
};
const makeObject = (n) => ({ id: n, name: 'report', rows: [1, 2, 3, { a: 1, b: 'two' }] });

/** @returns µs that one task takes, with nothing else to do */
async function single(run) {
  const times = [];
  for (let i = 0; i < SINGLE; i++) {
    const start = performance.now();
    await run(i);
    times.push((performance.now() - start) * 1_000);
  }
  return percentile(times, 50);
}

/** @returns tasks a second, with this many in flight */
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

/** The two take turns in going first. */
async function compare(measure, { ours, direct }, round) {
  if (round % 2 === 0) {
    const first = await measure(ours);
    return { ours: first, direct: await measure(direct) };
  }
  const first = await measure(direct);
  return { ours: await measure(ours), direct: first };
}

const singles = [];
const objects = [];
const throughputs = [];
// The first round is a warm-up.
for (let i = 0; i <= ROUNDS; i++) {
  singles[i] = await compare(single, sides, i);
  objects[i] = await compare(single, withObject, i);
  throughputs[i] = await compare(throughput, sides, i);
}
for (const rounds of [singles, objects, throughputs]) {
  rounds.shift();
}
await piscina.close();
await app.close();

const moreOf = (rounds) => median(rounds.map((round) => round.ours - round.direct));
const more = moreOf(singles);
const ratio = median(throughputs.map((round) => round.ours / round.direct));
console.log(`Against Piscina used directly (median of ${ROUNDS} rounds)`);
report('  one task, p50: directly', `${median(singles.map((round) => round.direct)).toFixed(1)} µs`);
report('  one task, p50: more', `${more.toFixed(1)} µs`, '<= 15 µs', more <= 15);
report('  the same with an object as its argument', `${moreOf(objects).toFixed(1)} µs`);
report('  directly, 64 in flight', `${median(throughputs.map((round) => round.direct)).toFixed(0)} /s`);
report('  64 in flight, ratio', ratio.toFixed(2), '>= 0.9', ratio >= 0.9);
