import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import autocannon from 'autocannon';
import { startProgram } from './processes.mjs';

const hasWrk = (() => {
  try {
    execFileSync('which', ['wrk'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

/** The program that makes the requests. autocannon is a development dependency, and wrk needs less of the processor. */
export const loadTool = hasWrk ? 'wrk' : 'autocannon';

/** How often a load is repeated until a server answers: on a very busy machine, its start may last longer than a load. */
const PATIENCE = 100;
/** A load of wrk would end by itself after so many seconds, which are always whole: it is told to end before. */
const MUCH_LATER = 60;
/** V8 has compiled what is hot after so many requests. Before, a request costs up to ten times as much. */
const WARM_UP = 20_000;
/** From then on, a server is warm when a load costs at least this share of the best one before, or after so many loads. */
const WARM = 0.95;
const WARM_UPS = 10;
/** ms of CPU time that are measured for each second of a load, at least: a busy machine gives a server less than it asks. */
const MEASURED = 300;

/**
 * Requests a page again and again, on several connections at once.
 *
 * @returns the number of responses
 */
export async function load(url, { seconds, connections = 32 }) {
  for (let tried = 0; tried < PATIENCE; tried++) {
    const count = await (hasWrk ? byWrk : byAutocannon)(url, seconds, connections);
    if (count > 0) {
      return count;
    }
  }
  throw new Error(`${url} answered no request, ${PATIENCE} times in ${seconds} s`);
}

async function byWrk(url, seconds, connections) {
  const wrk = startProgram('wrk', ['-t1', `-c${connections}`, `-d${Math.ceil(seconds) + MUCH_LATER}s`, url]);
  let output = '';
  wrk.stdout.on('data', (data) => (output += data));
  const end = setTimeout(() => wrk.kill('SIGINT'), seconds * 1_000);
  const [code] = await once(wrk, 'close');
  clearTimeout(end);
  // A late answer is no error: the machine is busy.
  if (code !== 0 || /Non-2xx|Socket errors: (?!connect 0, read 0, write 0)/.test(output)) {
    throw new Error(`${url}: wrk ended with ${code}\n${output}`);
  }
  return Number(/(\d+) requests in/.exec(output)[1]);
}

async function byAutocannon(url, seconds, connections) {
  const result = await autocannon({ url, connections, duration: seconds });
  const failed = result.errors - result.timeouts;
  if (result.non2xx || failed) {
    throw new Error(`${url}: ${result.non2xx} responses were no 2xx, ${failed} requests failed`);
  }
  return result.requests.total;
}

/**
 * Measures a server under load.
 *
 * @param cpuTime reads µs of CPU time that the server has used so far
 * @param settings `warmUp`: requests before the first measurement, at least
 */
export function underLoad(url, cpuTime, { warmUp = WARM_UP, ...options }) {
  const run = async () => {
    const before = await cpuTime();
    const start = performance.now();
    let count = 0;
    let spent;
    do {
      count += await load(url, options);
      spent = (await cpuTime()) - before;
    } while (spent < MEASURED * 1_000 * options.seconds);
    return { cost: spent / count, count, rate: (count * 1_000) / (performance.now() - start) };
  };
  return {
    /**
     * @param around runs the load, for what else is to be measured meanwhile
     * @returns µs of CPU time for each request, the number of them, and requests a second by the clock
     */
    measure: (around = (it) => it()) => around(run),
    // By requests and cost, not by the clock: on a busy machine, a load has few requests.
    warmUp: async () => {
      for (let requests = 0; requests < warmUp;) {
        requests += (await run()).count;
      }
      let best = Infinity;
      for (let loads = 0; loads < WARM_UPS; loads++) {
        const { cost } = await run();
        if (cost > best * WARM) {
          return;
        }
        best = Math.min(best, cost);
      }
    },
  };
}
