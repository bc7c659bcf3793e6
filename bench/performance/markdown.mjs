// Prints the tables of docs/performance.md: node markdown.mjs [FILE…], with the results that run.mjs has written.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { short } from './table.mjs';

const DEFAULT = fileURLToPath(new URL('../results.json', import.meta.url));
const files = process.argv.length > 2 ? process.argv.slice(2) : [DEFAULT];

/** Columns of rows with another side, of rows with a server, and of other rows. */
const columns = {
  pairs: [
    ['what', ({ what }) => what],
    ['against', ({ against }) => `\`${against}\``.replace(/^`([^(/]*)`$/, '$1')],
    ['ours', ({ ours, unit }) => withUnit(ours, unit)],
    ['other', ({ other, unit }) => withUnit(other, unit)],
    ['ratio', ({ ratio }) => `${ratio.median.toFixed(2)} (${ratio.quartiles.map((it) => it.toFixed(2)).join('–')})`],
  ],
  servers: [
    ['what', ({ what }) => what],
    ['our process', ({ ours }) => withUnit(ours, 'µs')],
    ['server', ({ server }) => withUnit(server, 'µs')],
    ['tasks a second by the clock', ({ rate }) => short(rate.median)],
  ],
  others: [
    ['what', ({ what }) => what],
    ['median', ({ ours, unit }) => withUnit(ours, unit)],
    ['quartiles', ({ ours }) => ours.quartiles.map(short).join('–')],
  ],
};

function withUnit({ median }, unit) {
  return `${short(median)} ${unit}`;
}

const line = (cells) => console.log(`| ${cells.join(' | ')} |`);

function print(rows, shown) {
  if (rows.length > 0) {
    line(shown.map(([heading]) => heading));
    line(shown.map(() => '---'));
    for (const row of rows) {
      line(shown.map(([, cell]) => cell(row)));
    }
    console.log();
  }
}

for (const file of files) {
  const { date, node, machine, load, rounds, rows } = JSON.parse(readFileSync(file, 'utf8'));
  const measured = rows.filter(({ skipped }) => !skipped);
  for (const family of new Set(measured.map((row) => row.family))) {
    const ofFamily = measured.filter((row) => row.family === family);
    console.log(`### ${family}: ${date.slice(0, 10)}, Node ${node}, ${machine}, ${load}, ${rounds} rounds\n`);
    print(
      ofFamily.filter(({ ratio }) => ratio),
      columns.pairs,
    );
    print(
      ofFamily.filter(({ server }) => server),
      columns.servers,
    );
    print(
      ofFamily.filter(({ ratio, server }) => !ratio && !server),
      columns.others,
    );
  }
}
