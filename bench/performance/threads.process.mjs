// Runs small functions in one thread: as tasks ('ours'), or through Piscina.
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { startApplication } from '../application.mjs';
import { percentile } from '../figures.mjs';
import { addOneInThread } from '../threads/cpu.task.mjs';
import { answer, cpuTime, spec } from './answer.mjs';

async function ours() {
  const { runner } = await startApplication({ pool: { maxThreads: 1 } });
  return (n) => runner.start(addOneInThread, n).settled();
}

function direct() {
  const piscina = new Piscina({
    filename: fileURLToPath(new URL('../threads/cpu.task.mjs', import.meta.url)),
    name: 'addOne',
    minThreads: 1,
    maxThreads: 1,
    atomics: 'disabled',
  });
  return (n) => piscina.run(n);
}

const run = spec().kind === 'ours' ? await ours() : direct();

answer({
  /** @returns µs of CPU for each of these tasks, of all threads, with so many in flight */
  async many({ count, inFlight }) {
    let next = 0;
    const before = cpuTime();
    const lane = async () => {
      while (next < count) {
        await run(next++);
      }
    };
    await Promise.all(Array.from({ length: inFlight }, lane));
    return (cpuTime() - before) / count;
  },

  /** @returns µs by the clock that a task takes with nothing else to do: half of them take less */
  async single({ count }) {
    const times = [];
    for (let i = 0; i < count; i++) {
      const start = performance.now();
      await run(i);
      times.push((performance.now() - start) * 1_000);
    }
    return percentile(times, 50);
  },
});
