import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { startStore } from '../queues/store.mjs';
import { web, worker } from './queues.sides.mjs';
import { needs, row, skipped } from './table.mjs';
import { takeTurns } from './turns.mjs';

export const unit =
  'µs of CPU a durable task: of our process beside that of the server; and tasks a second by the clock';

/** The clock of /proc, in ticks a second: the same on every Linux. */
const TICKS = 100;
/** Tasks whose bytes are counted. */
const WAITING = 10_000;

/** @returns the figures of Redis' INFO of this section with these names, added up */
async function infoOfRedis({ url }, section, names) {
  const client = new Redis(url);
  try {
    const info = await client.info(section);
    return names.reduce((sum, name) => sum + Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)[1]), 0);
  } finally {
    client.disconnect();
  }
}

const usedMemory = (server) => infoOfRedis(server, 'memory', ['used_memory']);

/** Reads µs of CPU time that a server has used so far. */
const cpuTimes = {
  redis: async (server) => (await infoOfRedis(server, 'cpu', ['used_cpu_sys', 'used_cpu_user'])) * 1e6,

  /** Of all its processes: one for each connection, and some of its own. The first counts those that have ended. */
  async postgres({ pid }) {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    const ticks = [pid, ...children].map((each) => {
      // The name of a program, in parentheses, may hold spaces. Its times are the 12th and 13th field after it.
      const fields = readFileSync(`/proc/${each}/stat`, 'utf8').split(') ').at(-1).split(' ');
      return fields.slice(11, each === pid ? 15 : 13).reduce((sum, it) => sum + Number(it), 0);
    });
    return (ticks.reduce((sum, it) => sum + it, 0) * 1e6) / TICKS;
  },
};

/** Our side, with the CPU time of the server for each task as well. */
const withServer = (start, server, kind, tasks) => async () => {
  const side = await start();
  return {
    ...side,
    measure: () =>
      side.measure(async (run) => {
        const before = await cpuTimes[kind](server);
        const { cost, rate, count } = await run();
        const spent = (await cpuTimes[kind](server)) - before;
        return { cost: cost / tasks, rate: rate * tasks, server: spent / (count * tasks) };
      }),
  };
};

/** A side: bytes of Redis that each waiting task holds. */
const bytesInRedis = (start, server, tasks) => async () => {
  const { page, stop } = await start();
  return {
    stop,
    async measure() {
      const before = await usedMemory(server);
      for (let added = 0; added < WAITING; added += tasks) {
        await fetch(page);
      }
      return ((await usedMemory(server)) - before) / WAITING;
    },
  };
};

/** What durable tasks need of our process, and of the server of their queue, which is one of its own. */
export async function* measure(settings) {
  for (const kind of ['redis', 'postgres']) {
    let server;
    try {
      server = await startStore(kind);
    } catch (error) {
      yield skipped(kind, error.message);
      continue;
    }
    try {
      const store = { url: server.url, prefix: 'capacity' };
      /** @type {[what: string, start: Function, tasks: number][]} */
      const sides = [
        ['enqueued, one a request', web('ours', store, 1, settings), 1],
        ['enqueued, 100 a request', web('ours', store, 100, { ...settings, connections: 4, warmUp: 500 }), 100],
        ['run, one at once', worker('ours', store, 1, 2_000), 1],
        ['run, 16 at once', worker('ours', store, 16, 4_000), 1],
        ['run, 50 at once', worker('ours', store, 50, 4_000), 1],
      ];
      for (const [what, start, tasks] of sides) {
        const [measured] = await takeTurns(settings.rounds, [withServer(start, server, kind, tasks)]);
        yield needs({ what: `${kind}: ${what}`, measured });
      }
      if (kind === 'redis') {
        const [ours] = await takeTurns(1, [bytesInRedis(web('ours', store, 100, settings), server, 100)]);
        yield row({ what: 'redis: what a waiting task holds', unit: 'B', ours });
      }
    } finally {
      await server.stop();
    }
  }
}
