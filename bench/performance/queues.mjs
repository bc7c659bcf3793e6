import { startStore } from '../queues/store.mjs';
import { web, worker } from './queues.sides.mjs';
import { row } from './table.mjs';
import { takeTurns } from './turns.mjs';

export const unit = 'µs of CPU of our process a request, or a task that runs';

const JOBS = 4_000;

const times = (many, few) => many.map(({ cost }, round) => cost / few[round].cost);

/** Durable tasks on Redis, beside BullMQ. The server of the queues is one of its own. */
export async function* measure(settings) {
  const { rounds } = settings;
  const server = await startStore('redis');
  const store = { url: server.url, prefix: 'performance' };
  try {
    const [ours, direct, intercepted, alone] = await takeTurns(
      rounds,
      ['ours', 'direct', 'intercepted', 'alone'].map((kind) => web(kind, store, 1, settings)),
    );
    const one = 'one durable task a request';
    yield row({ what: one, against: 'BullMQ in the same application', ours, other: direct });
    yield row({ what: one, against: 'BullMQ without us, an empty interceptor', ours, other: intercepted });
    yield row({ what: one, against: 'BullMQ without us', ours, other: alone });

    const [five, single, bulkOfFive, add] = await takeTurns(rounds, [
      web('ours', store, 5, settings),
      web('ours', store, 1, settings),
      web('direct', store, 5, settings),
      web('direct', store, 1, settings),
    ]);
    yield row({
      what: 'a request with five durable tasks, to one with one',
      against: 'addBulk() of five, to add()',
      unit: 'times',
      ours: times(five, single),
      other: times(bulkOfFive, add),
    });
    yield row({ what: 'five durable tasks a request', against: 'addBulk() of five', ours: five, other: bulkOfFive });

    const [ran, ranDirectly] = await takeTurns(
      rounds,
      ['ours', 'direct'].map((kind) => worker(kind, store, 16, JOBS)),
    );
    yield row({
      what: 'a durable task that runs, 16 at once',
      against: 'Worker of BullMQ',
      ours: ran,
      other: ranDirectly,
    });
  } finally {
    await server.stop();
  }
}
