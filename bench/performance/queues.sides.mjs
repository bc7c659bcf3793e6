import { underLoad } from './load.mjs';
import { startScript } from './processes.mjs';
import { directQueue } from './queues.direct.mjs';

/** Jobs that one request adds to fill a queue. */
const BATCH = 500;
/** Rounds of jobs until V8 has compiled what is hot. */
const WARM_UPS = 3;

async function startWeb(kind, queue, { url, prefix }) {
  const { started, ...web } = await startScript('./queues.web.mjs', { kind, queue, url, prefix });
  return { ...web, url: `http://127.0.0.1:${started.port}` };
}

/**
 * A side: an application whose requests enqueue so many tasks each.
 *
 * @param kind of queues.web.mjs
 */
export const web = (kind, store, count, settings) => async () => {
  const { url, ask, stop } = await startWeb(kind, `add-${kind}`, store);
  const page = `${url}/${count}`;
  return { ...underLoad(page, () => ask('cpuTime'), settings), page, stop };
};

/**
 * A side: a worker of a queue that gets so many jobs in each round. All are enqueued before it claims the first.
 *
 * @param kind 'ours', or a Worker of BullMQ ('direct')
 */
export const worker = (kind, store, concurrency, jobs) => async () => {
  const { url, prefix } = store;
  const queue = `run-${kind}-${concurrency}`;
  const filler = await startWeb('ours', queue, store);
  const handle = directQueue(queue, url, prefix);
  const { ask, stop } = await startScript('./queues.worker.mjs', { kind, queue, url, prefix, concurrency });
  /**
   * @param around lets the jobs run, for what else is to be measured meanwhile
   * @returns µs of CPU time for each job, the number of them, and jobs a second by the clock
   */
  const measure = async (around = (it) => it()) => {
    await handle.pause();
    for (let added = 0; added < jobs; added += BATCH) {
      const response = await fetch(`${filler.url}/${Math.min(BATCH, jobs - added)}`);
      if (!response.ok) {
        throw new Error(`The jobs were not enqueued: ${response.status}`);
      }
    }
    await ask('expect', jobs);
    return around(async () => {
      await handle.resume();
      return ask('finished');
    });
  };
  return {
    measure,
    async warmUp() {
      for (let round = 0; round < WARM_UPS; round++) {
        await measure();
      }
    },
    async stop() {
      await handle.close();
      await filler.stop();
      await stop();
    },
  };
};
