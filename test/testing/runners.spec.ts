import { execFile } from 'node:child_process';
import { access, copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { INSTALL_TIMEOUT, installPackage, otherNests } from '../fixtures/install-package.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');

/** A Node whose Jest loads packages that are ESM, with a flag. */
const node24 = join(root, 'nodes/node_modules/node24/bin/node');
const hasNode24 = await access(node24).then(
  () => true,
  () => process.env['REQUIRE_SERVICES'] === '1',
);

describe.each([
  [11, otherNests[11]],
  [12, undefined],
])('on Nest %i', (nest, nodeModules) => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'runners-'));
    await installPackage(folder, nodeModules);
    await copyFile(join(root, 'fixtures/testing-kit.test.js'), join(folder, 'kit.test.js'));
  }, INSTALL_TIMEOUT);

  afterAll(() => rm(folder, { recursive: true }));

  /** Runs the tests under Jest, and returns what it reports. */
  async function runJest(options: object = {}, node: string = process.execPath, ...flags: string[]): Promise<string> {
    const config = { testEnvironment: 'node', testTimeout: 20_000, ...options };
    await writeFile(join(folder, 'jest.config.json'), JSON.stringify(config));
    const jest = join(root, 'jest/node_modules/jest/bin/jest.js');
    const args = [...flags, jest, '--config', 'jest.config.json', '--no-cache'];
    return (await run(node, args, { cwd: folder })).stderr;
  }

  test.runIf(nest === 11)('the kit works under Jest, with its fake timers', { timeout: 120_000 }, async () => {
    expect(await runJest()).toMatch(/^Tests: +4 passed, 4 total$/m);
  });

  test.runIf(nest === 12)('the kit works under Jest that transforms Nest', { timeout: 120_000 }, async () => {
    const options = {
      transform: { '/node_modules/.+\\.js$': join(root, 'fixtures/jest-transform.cjs') },
      transformIgnorePatterns: ['/node_modules/(?!(\\.pnpm|@nestjs)/)'],
    };
    expect(await runJest(options)).toMatch(/^Tests: +4 passed, 4 total$/m);
  });

  test.runIf(nest === 12 && hasNode24)(
    'the kit works under Jest with --experimental-vm-modules',
    { timeout: 120_000 },
    async () => {
      const report = await runJest({}, node24, '--experimental-vm-modules');
      expect(report).toMatch(/^Tests: +4 passed, 4 total$/m);
    },
  );

  test('the kit works under node:test, with its mock timers, and keeps no process open', async () => {
    const args = ['--test', '--test-reporter=tap', 'kit.test.js'];
    const { stdout } = await run(process.execPath, args, { cwd: folder, timeout: 100_000 });
    expect(stdout).toMatch(/^# pass 4$/m);
    expect(stdout).toMatch(/^# fail 0$/m);
  }, 120_000);
});
