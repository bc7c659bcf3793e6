// Runs many tasks, on disk and in memory. Measures what they cost and what grows. node steady.mjs [TASKS]
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { report } from '../figures.mjs';
import { startServer } from './start-server.mjs';

const [tasks = 20_000] = process.argv.slice(2).map(Number);
const STEPS = 5;
const MB = 2 ** 20;

const sizeOf = (path) =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);

for (const where of ['folder', 'memory']) {
  const folder = mkdtempSync(join(tmpdir(), 'pglite-steady-'));
  const file = join(folder, 'log');
  const data = join(folder, 'data');
  const server = await startServer(where === 'folder' ? `pglite:${data}` : 'pglite:', file);
  console.log(`${where}: started in ${Math.round(server.startedIn)} ms`);
  let added = 0;
  let cpuBefore = 0;
  for (let step = 1; step <= STEPS; step++) {
    const from = performance.now();
    const client = async () => {
      while (added < (tasks * step) / STEPS) {
        const id = added;
        added += 10;
        await server.post(`/orders/${id}/10/0`);
      }
    };
    await Promise.all(Array.from({ length: 4 }, client));
    while (server.lines().length < added) {
      await sleep(50);
    }
    const { rss, cpu } = await server.ask('figures');
    const used = (cpu.user + cpu.system) / 1_000;
    const sizes =
      where === 'folder'
        ? `${Math.round(sizeOf(data) / MB)} MB, of it WAL ${Math.round(sizeOf(join(data, 'pg_wal')) / MB)} MB`
        : '';
    console.log(
      `${added} tasks: ${Math.round(tasks / STEPS / ((performance.now() - from) / 1_000))}/s, ` +
        `${((used - cpuBefore) / (tasks / STEPS)).toFixed(2)} ms CPU each, rss ${Math.round(rss / MB)} MB, ${sizes}`,
    );
    cpuBefore = used;
  }
  if (where === 'folder') {
    const wal = Math.round(sizeOf(join(data, 'pg_wal')) / MB);
    // Without cleaning up, the log had 48 MB after 10,000 tasks, and each task added more.
    report('folder: log of changes, MB', wal, '<= 48', wal <= 48);
  }
  report(`${where}: ran`, server.lines().length, String(tasks), server.lines().length === tasks);
  const closing = performance.now();
  await server.ask('close');
  const { code } = await server.exited;
  report(`${where}: exit code`, code, '0', code === 0);
  report(`${where}: closing and ending, ms`, Math.round(performance.now() - closing));
  if (where === 'folder') {
    const again = await startServer(`pglite:${data}`, file);
    report(`${where}: started again, ms`, Math.round(again.startedIn));
    await again.ask('close');
    await again.exited;
    again.close();
  }
  server.close();
  rmSync(folder, { recursive: true });
}
