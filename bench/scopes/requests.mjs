// What the module costs requests, in requests a second beside the same application without it. node requests.mjs [ROUNDS] [SECONDS]
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';
import { median, report } from '../figures.mjs';

const [rounds = 7, duration = 3] = process.argv.slice(2).map(Number);

/** What is measured, beside what, and how much of that it is to reach. */
const comparisons = [
  ['default', 'without', 0.95, 'Scope.DEFAULT, no task, beside no module'],
  ['request', 'empty-interceptor', 0.97, 'Scope.REQUEST, no task, beside an empty interceptor'],
  ['request-injected', 'empty-provider', 0.97, 'the same, injected, beside an empty provider as well'],
  ['task', 'by-hand', 0.9, "Scope.DEFAULT, one task, beside res.once('finish')"],
];

async function start(platform, kind) {
  const child = fork(fileURLToPath(new URL('./server.mjs', import.meta.url)), [platform, kind]);
  const [{ port }] = await once(child, 'message');
  return { child, url: `http://127.0.0.1:${port}` };
}

async function measure({ url }) {
  const { requests } = await autocannon({ url, connections: 32, duration });
  return requests.average;
}

for (const platform of ['express', 'fastify']) {
  for (const [ours, other, target, label] of comparisons) {
    const sides = [await start(platform, ours), await start(platform, other)];
    const ratios = [];
    for (let round = 0; round <= rounds; round++) {
      // Each first in every other round; the first of all warms up.
      const order = round % 2 ? [0, 1] : [1, 0];
      const figures = [];
      for (const side of order) {
        figures[side] = await measure(sides[side]);
      }
      ratios[round] = figures[0] / figures[1];
    }
    for (const { child } of sides) {
      child.kill();
    }
    const ratio = median(ratios.slice(1));
    report(`${platform}: ${label}`, ratio.toFixed(3), `>= ${target}`, ratio >= target);
  }
}
