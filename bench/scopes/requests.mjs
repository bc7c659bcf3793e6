// Compares an application with the module to one without it: requests a second, and processor time for each.
// Processor time is the better figure on a busy machine. Needs wrk.
// node requests.mjs [ROUNDS] [SECONDS]
import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { median, report } from '../figures.mjs';

const run = promisify(execFile);
const [rounds = 9, duration = 3] = process.argv.slice(2).map(Number);

/** Each measured application, the one that it is compared with, and the ratio that it must reach. */
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

/** @returns µs of processor time that a server has used so far */
async function timeOf({ child }) {
  child.send('time');
  const [{ time }] = await once(child, 'message');
  return time;
}

async function measure(side) {
  const before = await timeOf(side);
  const { stdout } = await run('wrk', ['-t1', '-c32', `-d${duration}s`, side.url]);
  const spent = (await timeOf(side)) - before;
  const [requests, rate] = [/(\d+) requests in/, /Requests\/sec:\s+([\d.]+)/].map((it) => Number(it.exec(stdout)[1]));
  return { rate, time: spent / requests };
}

for (const platform of ['express', 'fastify']) {
  for (const [ours, other, target, label] of comparisons) {
    const sides = [await start(platform, ours), await start(platform, other)];
    const rounded = [];
    for (let round = 0; round <= rounds; round++) {
      // The two take turns in going first. The first round is a warm-up.
      const figures = [];
      for (const side of round % 2 ? [0, 1] : [1, 0]) {
        figures[side] = await measure(sides[side]);
      }
      rounded[round] = figures;
    }
    for (const { child } of sides) {
      child.kill();
    }
    const measured = rounded.slice(1);
    const rate = median(measured.map(([us, them]) => us.rate / them.rate));
    const time = median(measured.map(([us, them]) => them.time / us.time));
    report(
      `${platform}: ${label}`,
      `${rate.toFixed(3)} (by processor time ${time.toFixed(3)})`,
      `>= ${target}`,
      rate >= target,
    );
  }
}
