// Compares this package with BullMQ used directly, on a server of their own. Needs wrk.
// node ratios.mjs redis|postgres [ROUNDS] [SECONDS] [JOBS]
import { median, report } from '../figures.mjs';
import { alternate, load, startWeb, startWorker, stopAll } from './measure.mjs';
import { startStore } from './store.mjs';

const [, , kind, ...numbers] = process.argv;
const [rounds = 15, seconds = 1, jobs = 4_000] = numbers.map(Number);

const middle = (figures, of) => median(figures.map((it) => it[of]));
/** Ratios of medians: how much more this package does in the same time, or in the same processor time. */
const byRate = (ours, other) => middle(ours, 'rate') / middle(other, 'rate');
const byTime = (ours, other) => middle(other, 'time') / middle(ours, 'time');
const rates = (...measured) => measured.map((it) => Math.round(middle(it, 'rate'))).join(' : ');
const durations = (...measured) => measured.map((it) => Math.round(1e6 / middle(it, 'rate'))).join(' : ');

const server = await startStore(kind);
try {
  const store = { url: server.url, prefix: 'ratios' };
  console.log(`${kind}: medians of ${rounds} rounds, each of ${seconds} s or ${jobs} jobs`);

  const webs = { ours: await startWeb('ours', 'ours', store) };
  webs.direct = await startWeb('direct', 'direct', store);
  webs.alone = await startWeb('alone', 'alone', store);
  const requests = (web, count, connections) => () => load(web, count, connections, seconds);
  const [ours, direct, alone] = await alternate(
    rounds,
    [webs.ours, webs.direct, webs.alone].map((web) => requests(web, 1, 32)),
  );
  const added = byRate(ours, direct);
  report('one task for each request, beside queue.add()', added.toFixed(3), '>= 0.9', added >= 0.9);
  report('  by processor time', byTime(ours, direct).toFixed(3));
  report('  beside queue.add() in an application without the package', byRate(ours, alone).toFixed(3));
  report('  requests/s: ours, same application, without the package', rates(ours, direct, alone));

  const [five, one, bulk, single] = await alternate(rounds, [
    requests(webs.ours, 5, 1),
    requests(webs.ours, 1, 1),
    requests(webs.direct, 5, 1),
    requests(webs.direct, 1, 1),
  ]);
  const longer = 1 / byRate(five, one);
  report('time of a request with five tasks, to that with one', longer.toFixed(3), '<= 1.3', longer <= 1.3);
  report('  the same by queue.addBulk() and queue.add()', (1 / byRate(bulk, single)).toFixed(3));
  report('  µs: five, one; five and one by BullMQ', durations(five, one, bulk, single));

  const [ran, ranDirectly] = await alternate(rounds, [
    await startWorker('ours', 'run-ours', store, 16, jobs),
    await startWorker('direct', 'run-direct', store, 16, jobs),
  ]);
  const run = byRate(ran, ranDirectly);
  report('jobs run, 16 at once, beside a Worker', run.toFixed(3), '>= 0.9', run >= 0.9);
  report('  by processor time', byTime(ran, ranDirectly).toFixed(3));
  report('  jobs/s: ours, Worker', rates(ran, ranDirectly));
} finally {
  await stopAll();
  await server.stop();
}
