// Tests that the published package works in each kind of application that the README names. Packs it, installs it into
// small applications, and runs them with each Nest, module system, platform, test runner and Node.
// node matrix.mjs [--short] [--package TARBALL] [WORDS that the name of a cell must contain ...]
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { build, install, layOut, pack } from './apps.mjs';
import { allCells } from './cells.mjs';
import { run } from './child.mjs';
import { serveCell } from './serve-cell.mjs';

const AT_ONCE = 2;
const CELL_TIMEOUT = 60_000;

const { values: options, positionals: words } = parseArgs({
  allowPositionals: true,
  options: { short: { type: 'boolean', default: false }, package: { type: 'string' } },
});

const aborter = new AbortController();
const { signal } = aborter;
for (const name of ['SIGINT', 'SIGTERM']) {
  process.once(name, () => aborter.abort(new Error(`The matrix was ended by ${name}`)));
}

const write = (line) => process.stdout.write(`${line}\n`);

async function forEach(items, work) {
  const rest = items[Symbol.iterator]();
  const worker = async () => {
    for (const item of rest) {
      if (!signal.aborted) {
        await work(item);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** Runs one step and writes a line about it. Never rejects. */
async function succeeds(name, work) {
  const begun = performance.now();
  const took = () => `${((performance.now() - begun) / 1_000).toFixed(1)} s`;
  try {
    const note = await work();
    write(`${name} … ok ${took()}${note ? ` (${note})` : ''}`);
    return true;
  } catch (error) {
    write(`${name} … FAILED ${took()}\n\n${error.message.replaceAll(/^(?=.)/gm, '    ')}\n`);
    return false;
  }
}

async function runCell(cell, app, temp) {
  const where = { temp, signal: AbortSignal.any([signal, AbortSignal.timeout(CELL_TIMEOUT)]) };
  if (!cell.runner) {
    return serveCell(cell, { app, ...where });
  }
  return run(cell.node.path, cell.runner.command, { cwd: app, ...where });
}

/** @returns {Promise<boolean>} whether all cells pass */
async function runMatrix(cells, folder) {
  const where = { temp: folder, signal };
  let tarball = options.package && resolve(options.package);
  if (!tarball) {
    const isPacked = await succeeds('npm pack', async () => {
      tarball = await pack(where);
    });
    if (!isPacked) {
      return false;
    }
  }

  const possible = cells.filter(({ impossible }) => !impossible);
  const nameOf = ({ install: name, system }) => join(name, system);
  const ready = new Map();
  await forEach(new Set(possible.map((cell) => cell.install)), async (name) => {
    const isInstalled = await succeeds(`npm ci · ${name}`, () => install(name, tarball, { folder, ...where }));
    const apps = new Map(possible.filter((cell) => cell.install === name).map((cell) => [nameOf(cell), cell]));
    for (const [appName, cell] of isInstalled ? apps : []) {
      const app = await layOut(cell, folder);
      if (cell.runner || (await succeeds(`tsc · ${appName}`, () => build(app, where)))) {
        ready.set(appName, app);
      }
    }
  });

  const counts = { passed: 0, failed: 0, impossible: 0 };
  await forEach(cells.entries(), async ([index, cell]) => {
    if (cell.impossible) {
      write(`${cell.name} … – (${cell.impossible})`);
      counts.impossible++;
      return;
    }
    const app = ready.get(nameOf(cell));
    const temp = join(folder, `temp-${index}`);
    await mkdir(temp);
    const isGood = await succeeds(cell.name, () => {
      if (!app) {
        throw new Error(`${nameOf(cell)} is not ready to run: see above`);
      }
      return runCell(cell, app, temp);
    });
    counts[isGood ? 'passed' : 'failed']++;
  });
  if (signal.aborted) {
    write(`\n${signal.reason.message}`);
  }
  write(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.impossible} not possible`);
  return counts.failed === 0 && !signal.aborted;
}

const chosen = (await allCells()).filter(
  ({ name, short }) =>
    (short || !options.short) && words.every((word) => name.toLowerCase().includes(word.toLowerCase())),
);
if (chosen.length === 0) {
  throw new Error(`There is no cell with ${words.join(' and ')} in its name`);
}
const folder = await mkdtemp(join(tmpdir(), 'matrix-'));
try {
  process.exitCode = (await runMatrix(chosen, folder)) ? 0 : 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
