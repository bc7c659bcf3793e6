// Measures what tasks cost, in CPU time, beside the same work done without this package; docs/performance.md explains it.
// node run.mjs [FAMILY…] [--rounds N] [--seconds N] [--json FILE]
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { useAllCores, useOneCore } from './cores.mjs';
import { loadTool } from './load.mjs';
import { printFamily, printHeading, printRow } from './table.mjs';

const FAMILIES = ['requests', 'promises', 'fastapi', 'runner', 'threads', 'queues', 'growth', 'capacity'];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '30' },
    // Short loads in many rounds: what slows the machine down for a second then hits both sides.
    seconds: { type: 'string', default: '0.3' },
    json: { type: 'string', default: fileURLToPath(new URL('../results.json', import.meta.url)) },
  },
});
const unknown = positionals.find((name) => !FAMILIES.includes(name));
if (unknown) {
  throw new Error(`No family is called ${unknown}: there are ${FAMILIES.join(', ')}`);
}
const settings = { rounds: Number(values.rounds), seconds: Number(values.seconds) };
if (!Number.isInteger(settings.rounds) || settings.rounds < 1) {
  throw new Error(`--rounds: expected a positive integer, got ${values.rounds}`);
}
if (!(settings.seconds > 0 && settings.seconds < Infinity)) {
  throw new Error(`--seconds: expected a positive number, got ${values.seconds}`);
}

const machine = `${availableParallelism()} cores, ${cpus()[0]?.model.trim()}, ${process.platform} ${process.arch}`;
const isOnOneCore = useOneCore();
const results = {
  date: new Date().toISOString(),
  node: process.version,
  machine,
  isOnOneCore,
  load: loadTool,
  ...settings,
  rows: [],
};
console.log(`Node ${results.node}, ${results.machine}`);
console.log(
  `Requests by ${loadTool}, 32 connections, ${settings.seconds} s each. Medians of ${settings.rounds} rounds.`,
);
console.log(isOnOneCore ? 'All processes are on one core, but for threads.' : 'On all cores: taskset is missing.');
console.log('The ratio is the cost of the other side to ours: 1 is as cheap, 0.5 costs twice as much.\n');
printHeading();
for (const family of positionals.length > 0 ? positionals : FAMILIES) {
  if (isOnOneCore) {
    (family === 'threads' ? useAllCores : useOneCore)();
  }
  const { measure, unit } = await import(`./${family}.mjs`);
  printFamily(family, unit);
  for await (const row of measure(settings)) {
    printRow(row);
    results.rows.push({ family, ...row });
    // After each row, so that a run that is stopped leaves what it has measured.
    writeFileSync(values.json, `${JSON.stringify(results, undefined, 2)}\n`);
  }
}
console.log(`\nWritten to ${values.json}`);
