// Requests with random statuses, interceptors, flushes, retries and cancels, while the server stands still for a moment at
// random and workers are killed at random: what ran has to be what the answers promised. The seed repeats the plans.
// node random.mjs redis|postgres [REQUESTS] [SEED] [express|fastify]
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { report } from '../figures.mjs';
import { Notes } from './notes.mjs';
import { startStore } from './store.mjs';
import { until } from './until.mjs';

const [storeName, count = 10_000, seed = Date.now() % 1_000_000, platform = 'express'] = process.argv.slice(2);
const STATUSES = [200, 201, 202, 204, 302, 400, 404, 409, 422, 500];
const RUN_ON = ['success', 'failure', 'always'];
/** Requests at work at the same time. */
const CLIENTS = 16;

const random = mulberry32(Number(seed));
const pick = (values) => values[Math.floor(random() * values.length)];
const chance = (part) => random() < part;

const store = await startStore(storeName);
const notes = new Notes();
const shared = { connection: store.url, keepCompleted: 100_000, enqueueTimeout: 2_000 };
const startWorker = () =>
  start({ ...shared, worker: { concurrency: 10, lockDuration: 2_000, stalledInterval: 1_000 } });
const web = await start({ ...shared, worker: false });
const workers = [await startWorker(), await startWorker()];

let nextTask = 1;
let sent = 0;
const answers = [];
const cancelled = new Set();
/** Tasks that their queue refused. A success is a 503 then; another answer stays, and the log names the tasks. */
const refusedTasks = new Set();
const load = { isOver: false };
const client = async () => {
  while (sent++ < count) {
    const plan = planOf();
    const { status, body } = await web.send('POST', `/${plan.route}`, plan);
    answers.push({ plan, status });
    const ids = body?.ids ?? [];
    if (ids.length > 0 && chance(0.1)) {
      const index = Math.floor(random() * ids.length);
      const { body: answer } = await web.send('DELETE', `/tasks/${ids[index]}`);
      if (answer?.isCancelled) {
        cancelled.add(plan.tasks[index].task);
      }
    }
  }
};
const disturbing = disturb();
await Promise.all(Array.from({ length: CLIENTS }, client));
load.isOver = true;
const disturbances = await disturbing;

const promised = new Set();
const forbidden = new Set();
const refusedBy503 = new Set();
let unknown = 0;
for (const { plan, status } of answers) {
  for (const [i, { task, runOn }] of plan.tasks.entries()) {
    const isFlushed = plan.flushAfter !== undefined && i < plan.flushAfter && runOn !== 'failure';
    if (status === undefined || cancelled.has(task) || (status >= 400 && status !== 503 && refusedTasks.has(task))) {
      unknown++;
    } else if (isQueueDown({ status })) {
      // A flush may have succeeded before the answer was refused, and the 503 of a flush is a failure like any other.
      if (isFlushed || runOn !== 'success') {
        unknown++;
      } else {
        refusedBy503.add(task);
      }
    } else if (isFlushed || runOn === 'always' || runOn === (status < 400 ? 'success' : 'failure')) {
      promised.add(task);
    } else {
      forbidden.add(task);
    }
  }
}
const endedTasks = () => new Set(notes.runs.filter(({ endedAt }) => endedAt).map(({ task }) => task));
let lost = [...promised];
await until(() => {
  const ended = endedTasks();
  lost = lost.filter((task) => !ended.has(task));
  return lost.length === 0;
}, 120_000);
const started = new Set(notes.runs.map(({ task }) => task));
const surprises = [...forbidden].filter((task) => started.has(task));
const late = [...refusedBy503].filter((task) => started.has(task));
const refused = answers.filter(isQueueDown).length;
const ended = await Promise.all([web, ...workers].map((it) => it.end()));
notes.close();
await store.stop();

console.log(`${storeName}, ${platform}: ${answers.length} random requests, seed ${seed}`);
report('  times that the server stood still, and workers killed', `${disturbances.outages} ${disturbances.kills}`);
report('  answers with a 503 because the queue was away', refused);
report('  tasks promised by their answers', promised.size);
report('  tasks that must not run by their answers', forbidden.size);
report('  tasks of which the answers say nothing for sure', unknown);
// A server that answers too late can have enqueued a task, and a worker can begin it before it is removed.
report('  tasks refused with a 503, and those of them that ran', `${refusedBy503.size} ${late.length}`);
report('  promised tasks that did not run', lost.length, '0', lost.length === 0);
report('  tasks that ran though their answer says no', surprises.length, '0', surprises.length === 0);
report('  processes not ended 15 s after SIGTERM', ended.filter((it) => !it).length, '0', ended.every(Boolean));
for (const task of [...lost, ...surprises].slice(0, 5)) {
  console.log(JSON.stringify(answers.find(({ plan }) => plan.tasks.some((it) => it.task === task))));
}

function planOf() {
  const route = pick(['add', 'passthrough']);
  const tasks = Array.from({ length: 1 + Math.floor(random() * 3) }, () => ({
    task: nextTask++,
    ms: Math.floor(random() * 20),
    failures: chance(0.1) ? 1 + Math.floor(random() * 2) : 0,
    runOn: pick(RUN_ON),
  }));
  const handler = route === 'add' ? pick(['sends', 'sends', 'throws', 'writes']) : 'returns';
  const status = pick(handler === 'throws' ? STATUSES.filter((it) => it >= 400) : STATUSES);
  const outer = route === 'passthrough' && chance(0.2) ? pick(['throws', 'slow']) : undefined;
  const flushAfter = route === 'add' && chance(0.2) ? 1 + Math.floor(random() * tasks.length) : undefined;
  return { route, tasks, handler, status, ...(outer && { outer }), ...(flushAfter && { flushAfter }) };
}

/** No plan asks for a 503. */
function isQueueDown({ status }) {
  return status === 503;
}

/** The server stands still for 100 ms to 3 s, and workers are killed, at random moments. */
async function disturb() {
  const disturber = mulberry32(Number(seed) + 1);
  let outages = 0;
  let kills = 0;
  while (!load.isOver) {
    await sleep(200 + disturber() * 2_000);
    if (load.isOver) {
      break;
    }
    if (disturber() < 0.5) {
      store.freeze();
      await sleep(100 + disturber() * 2_900);
      store.thaw();
      outages++;
    } else {
      const index = Math.floor(disturber() * workers.length);
      await workers[index].kill();
      workers[index] = await startWorker();
      kills++;
    }
  }
  return { outages, kills };
}

async function start(options) {
  const script = fileURLToPath(new URL('./random.server.mjs', import.meta.url));
  const child = fork(script, [notes.file, JSON.stringify(options), platform], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit');
  child.on('message', (message) => message.refused !== undefined && refusedTasks.add(message.refused));
  const [{ port }] = await Promise.race([
    once(child, 'message'),
    exited.then(() => Promise.reject(new Error('the application has not started'))),
  ]);
  const agent = new Agent({ keepAlive: true });
  return {
    send(method, path, body) {
      const text = body && JSON.stringify(body);
      const headers = text ? { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) } : {};
      return new Promise((resolve) => {
        const out = request({ agent, host: '127.0.0.1', port, path, method, headers }, (response) => {
          response.toArray().then(
            (chunks) => resolve({ status: response.statusCode, body: parsed(Buffer.concat(chunks).toString()) }),
            () => resolve({}),
          );
        });
        out.once('error', () => resolve({}));
        out.end(text);
      });
    },
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
    async end() {
      agent.destroy();
      child.kill('SIGTERM');
      const hasEnded = await until(() => child.exitCode !== null || child.signalCode !== null, 15_000);
      child.kill('SIGKILL');
      await exited;
      return hasEnded;
    },
  };
}

function parsed(text) {
  return text.startsWith('{') ? JSON.parse(text) : undefined;
}

/** A small generator of random numbers that a seed repeats. */
function mulberry32(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
