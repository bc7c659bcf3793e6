// Kills an application with PGlite in a folder under load, many times. No task of an answered request may be lost,
// and the folder must open again.
// node killed.mjs [ROUNDS]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { median, report } from '../figures.mjs';
import { startServer } from './start-server.mjs';

const [rounds = 20] = process.argv.slice(2).map(Number);
const AT_ONCE = 16;

const folder = mkdtempSync(join(tmpdir(), 'pglite-killed-'));
const file = join(folder, 'log');
const connection = `pglite:${join(folder, 'data')}`;
const answered = new Set();
const startedIn = [];
let next = 1;

for (let round = 0; round < rounds; round++) {
  const server = await startServer(connection, file);
  startedIn.push(server.startedIn);
  const killAt = next + 20 + Math.floor(Math.random() * 100);
  let isKilled = false;
  const client = async () => {
    while (!isKilled) {
      const id = next++;
      if (id === killAt) {
        isKilled = true;
        server.child.kill('SIGKILL');
      }
      if ((await server.post(`/orders/${id}/2/${Math.floor(Math.random() * 50)}`)) === 201) {
        answered.add(`${id}/0`).add(`${id}/1`);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
  await server.exited;
  server.close();
}

const last = await startServer(connection, file);
const missing = () => {
  const ran = new Set(last.lines());
  return [...answered].filter((line) => !ran.has(line));
};
for (let tries = 0; missing().length > 0 && tries < 600; tries++) {
  await sleep(100);
}
const lost = missing().length;
const lines = last.lines();
const { active } = await last.ask('close');
const closedAt = performance.now();
const { code, at } = await last.exited;
last.close();
rmSync(folder, { recursive: true });

report('rounds, killed by SIGKILL', rounds);
report('tasks of requests that were answered', answered.size);
report('of these, lost', lost, '0', lost === 0);
report('tasks that ran more than once', lines.length - new Set(lines).size);
report('start on the folder: the first, ms', Math.round(startedIn[0]));
report('then: median, ms', Math.round(median(startedIn.slice(1))));
report('what is open after close()', active.join(' '));
report('exit code, when it is closed', code, '0', code === 0);
report('the process ends by itself after, ms', Math.round(at - closedAt), '< 1000', at - closedAt < 1_000);
