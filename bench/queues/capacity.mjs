// Measures how many jobs one process enqueues and runs in a second, with the server of the queue on the same machine.
// Needs wrk.
// node capacity.mjs redis|postgres [ROUNDS] [SECONDS] [JOBS]
import { median, report } from '../figures.mjs';
import { alternate, load, startWeb, startWorker, stopAll } from './measure.mjs';
import { startStore } from './store.mjs';

const [, , kind, ...numbers] = process.argv;
const [rounds = 7, seconds = 2, jobs = 3_000] = numbers.map(Number);
const BULK = 100;
const CONCURRENCIES = [1, 16, 50];

const middle = (measured) => median(measured.map(({ rate }) => rate));

const server = await startStore(kind);
try {
  const store = { url: server.url, prefix: 'capacity' };
  console.log(`${kind}: medians of ${rounds} rounds, in jobs/s of one process; a task that does nothing`);
  const web = await startWeb('ours', 'added', store);
  const [one, bulk] = await alternate(rounds, [() => load(web, 1, 32, seconds), () => load(web, BULK, 4, seconds)]);
  report('added by requests with one each, 32 at once', Math.round(middle(one)));
  report(`added by requests with ${BULK} each, 4 at once`, Math.round(BULK * middle(bulk)));
  for (const concurrency of CONCURRENCIES) {
    const drain = await startWorker('ours', `run-${concurrency}`, store, concurrency, jobs);
    const [ran] = await alternate(rounds, [drain]);
    report(`run, concurrency ${concurrency}`, Math.round(middle(ran)));
  }
} finally {
  await stopAll();
  await server.stop();
}
