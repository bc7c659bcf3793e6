import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { underLoad } from './load.mjs';
import { startProgram, stop } from './processes.mjs';
import { application } from './requests.mjs';
import { row, skipped } from './table.mjs';
import { takeTurns } from './turns.mjs';

export const unit = 'µs of CPU a request';

/** Debian's Python: other Pythons on the PATH don't see Debian's packages. */
const PYTHON = '/usr/bin/python3';
const PACKAGES = ['python3-fastapi', 'python3-uvicorn', 'python3-uvloop', 'python3-httptools'];

async function startFastApi() {
  const child = startProgram(PYTHON, [fileURLToPath(new URL('./fastapi.server.py', import.meta.url))], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (data) => (errors += data));
  const started = once(child.stdout, 'data').then(([data]) => JSON.parse(data));
  const failed = once(child, 'close').then(() => undefined);
  const answer = await Promise.race([started, failed]).catch(() => undefined);
  if (!answer) {
    throw new Error(errors.trim().split('\n').at(-1) || `${PYTHON} did not start`);
  }
  return { child, versions: answer.versions, url: `http://127.0.0.1:${answer.port}` };
}

const fastApi =
  (path, { seconds }) =>
  async () => {
    const { child, url } = await startFastApi();
    const cpuTime = async () => (await fetch(`${url}/cpu-time`)).json();
    return { ...underLoad(`${url}${path}`, cpuTime, { seconds }), stop: () => stop(child) };
  };

const ours = (spec) => ({ platform: 'Fastify', scope: 'DEFAULT', tasks: 'injected', isAsync: true, ...spec });
const nestAlone = (spec) => ({ platform: 'Fastify', ...spec });

/** What is measured, what it is, and the path of the application in FastAPI that does the same. */
const comparisons = [
  ['Fastify: Nest alone, no task', nestAlone({}), '/none'],
  ['Fastify: Nest alone, request-scoped controller, no task', nestAlone({ isScoped: true }), '/none'],
  ['Fastify: one async task, DEFAULT', ours({}), '/async/1'],
  ['Fastify: one async task, REQUEST, @Tasks()', ours({ scope: 'REQUEST', tasks: 'parameter' }), '/async/1'],
  ['Fastify: one async task, REQUEST, injected', ours({ scope: 'REQUEST' }), '/async/1'],
  ['Fastify: one sync task, DEFAULT', ours({ isAsync: false }), '/sync/1'],
  ['Fastify: five async tasks, DEFAULT', ours({ count: 5 }), '/async/5'],
  ['Express: one async task, DEFAULT', ours({ platform: 'Express' }), '/async/1'],
];

/** A request with tasks, beside the same in FastAPI. */
export async function* measure(settings) {
  let versions;
  try {
    const started = await startFastApi();
    ({ versions } = started);
    await stop(started.child);
  } catch (error) {
    yield skipped('all rows', `${error.message}. On Debian: apt-get install ${PACKAGES.join(' ')}`);
    return;
  }
  console.log(`  ${versions}`);
  for (const [what, spec, path] of comparisons) {
    const [first, second] = await takeTurns(settings.rounds, [application(spec, settings), fastApi(path, settings)]);
    yield row({ what, against: `FastAPI ${path}`, ours: first, other: second });
  }
}
