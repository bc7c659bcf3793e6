import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { directQueue } from './direct.mjs';

const run = promisify(execFile);
const children = new Set();
const handles = new Set();
/** Jobs that one request adds. */
const BATCH = 500;

async function start(script, ...args) {
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), args.map(String));
  children.add(child);
  const [message] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`${script} has ended with ${code}`);
    }),
  ]);
  return { child, message };
}

/** Ends all that was started here. */
export async function stopAll() {
  await Promise.all(Array.from(handles, (it) => it.close()));
  for (const child of children) {
    child.kill('SIGKILL');
    if (child.exitCode === null) {
      await once(child, 'exit');
    }
  }
}

export async function startWeb(kind, queue, { url, prefix }) {
  const { child, message } = await start('./web.server.mjs', kind, queue, url, prefix);
  return { child, url: `http://127.0.0.1:${message.port}` };
}

/** @returns µs of processor time that a server has used so far */
async function timeOf({ child }) {
  child.send('time');
  const [{ time }] = await once(child, 'message');
  return time;
}

/** @returns requests a second, each with this many jobs, and µs of processor time for each */
export async function load(web, count, connections, seconds) {
  const before = await timeOf(web);
  const { stdout } = await run('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, `${web.url}/${count}`]);
  const spent = (await timeOf(web)) - before;
  if (/Non-2xx|Socket errors/.test(stdout)) {
    throw new Error(stdout);
  }
  const [requests, rate] = [/(\d+) requests in/, /Requests\/sec:\s+([\d.]+)/].map((it) => Number(it.exec(stdout)[1]));
  return { rate, time: spent / requests };
}

/**
 * Starts a worker. The function that it returns lets it run this many jobs: all are enqueued before it claims the first.
 *
 * @returns jobs a second, and µs of processor time for each
 */
export async function startWorker(kind, queue, store, concurrency, count) {
  const { url, prefix } = store;
  const filler = await startWeb('ours', queue, store);
  const handle = directQueue(queue, url, prefix);
  handles.add(handle);
  const { child } = await start('./worker.server.mjs', kind, queue, url, prefix, concurrency);
  return async () => {
    await handle.pause();
    for (let added = 0; added < count; added += BATCH) {
      const response = await fetch(`${filler.url}/${Math.min(BATCH, count - added)}`);
      if (!response.ok) {
        throw new Error(`not enqueued: ${response.status}`);
      }
    }
    child.send({ expected: count });
    await once(child, 'message');
    const drained = once(child, 'message');
    await handle.resume();
    const [{ ms, time }] = await drained;
    return { rate: (count / ms) * 1_000, time: (time / count) * 1_000 };
  };
}

/** Measures each in every round, and changes the order from round to round. The first round is a warm-up. */
export async function alternate(rounds, measures) {
  const measured = measures.map(() => []);
  for (let round = 0; round <= rounds; round++) {
    const order = measures.map((_, i) => (round + i) % measures.length);
    for (const i of order) {
      const figures = await measures[i]();
      if (round > 0) {
        measured[i].push(figures);
      }
    }
  }
  return measured;
}
