import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

/**
 * @typedef {{ path: string, version: string }} Node
 * @typedef {{
 *   name: string,
 *   install: string,
 *   system: 'commonjs' | 'esm',
 *   node: Node,
 *   platform?: 'express' | 'fastify',
 *   runner?: { folder: string, command: string[] },
 *   impossible?: string,
 *   short?: boolean,
 * }} Cell `install` names the folder with the dependencies. A cell has a `platform` to serve on, or a test `runner`.
 */

const nodes = join(import.meta.dirname, '../nodes/node_modules');
/** From the oldest to the newest. */
const nodeNames = ['node20', 'node22', 'node24', 'node26'];

const systems = { commonjs: 'CommonJS', esm: 'ESM' };
const platforms = { express: 'Express', fastify: 'Fastify' };

const jest = (config, ...flags) => ({
  folder: 'jest',
  command: [...flags, '../node_modules/jest/bin/jest.js', '--config', `jest/${config}.json`],
});

const vitest = {
  folder: 'vitest',
  command: ['../node_modules/vitest/vitest.mjs', 'run', '--config', 'vitest/vitest.config.e2e.mjs'],
};

/** Nest 11 needs nothing but what `nest new` writes. Nest 12 is ESM, which Jest loads in two ways. */
const jestWays = [
  { name: 'Jest', runner: jest('nest-new'), nests: [11] },
  {
    name: 'Jest with --experimental-vm-modules',
    runner: jest('nest-new', '--experimental-vm-modules'),
    nests: [11, 12],
    since: '24.9',
  },
  { name: 'Jest with @swc/jest', runner: jest('swc'), nests: [12] },
];

/** @returns {Promise<Node[]>} */
async function findNodes() {
  const run = promisify(execFile);
  return Promise.all(
    nodeNames.map(async (name) => {
      const path = join(nodes, name, 'bin/node');
      const { stdout } = await run(path, ['--version']).catch((error) => {
        throw new Error(`${path} can't be run: \`npm ci --prefix test/nodes\` brings it`, { cause: error });
      });
      return { path, version: stdout.trim().slice(1) };
    }),
  );
}

function isBefore(version, since) {
  const [[major, minor], [sinceMajor, sinceMinor]] = [version, since].map((it) => it.split('.').map(Number));
  return major < sinceMajor || (major === sinceMajor && minor < sinceMinor);
}

/** @returns {Promise<Cell[]>} all cells, in the order of the output */
export async function allCells() {
  const found = await findNodes();
  const ends = new Set([found.at(0), found.at(-1)]);
  const cells = [];
  for (const nest of [11, 12]) {
    for (const [system, systemName] of Object.entries(systems)) {
      for (const [platform, platformName] of Object.entries(platforms)) {
        for (const node of found) {
          cells.push({
            name: `Nest ${nest} · ${systemName} · ${platformName} · Node ${node.version}`,
            install: `nest-${nest}`,
            system,
            node,
            platform,
            short: platform === 'express' && ends.has(node),
          });
        }
      }
    }
  }
  for (const nest of [11, 12]) {
    for (const { name, runner, since = '0.0' } of jestWays.filter(({ nests }) => nests.includes(nest))) {
      for (const node of found) {
        cells.push({
          name: `Nest ${nest} · CommonJS · ${name} · Node ${node.version}`,
          install: `nest-${nest}-jest`,
          system: 'commonjs',
          node,
          runner,
          ...(isBefore(node.version, since) && { impossible: `Jest needs Node ${since} for it` }),
        });
      }
    }
  }
  for (const node of found) {
    cells.push({
      name: `Nest 12 · ESM · vitest · Node ${node.version}`,
      install: 'nest-12-vitest',
      system: 'esm',
      node,
      runner: vitest,
    });
  }
  return cells;
}
