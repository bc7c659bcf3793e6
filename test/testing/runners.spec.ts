import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { INSTALL_TIMEOUT, installPackage, otherNests } from '../fixtures/install-package.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'runners-'));
  await installPackage(folder, otherNests[11]);
  await copyFile(join(root, 'fixtures/testing-kit.test.js'), join(folder, 'kit.test.js'));
}, INSTALL_TIMEOUT);

afterAll(() => rm(folder, { recursive: true }));

test('the kit works under Jest, with its fake timers', async () => {
  const config = { testEnvironment: 'node', testTimeout: 20_000 };
  await writeFile(join(folder, 'jest.config.json'), JSON.stringify(config));
  const jest = join(root, 'jest/node_modules/jest/bin/jest.js');
  const { stderr } = await run(process.execPath, [jest, '--config', 'jest.config.json', '--no-cache'], { cwd: folder });
  expect(stderr).toMatch(/^Tests: +2 passed, 2 total$/m);
}, 120_000);

test('the kit works under node:test, with its mock timers, and keeps no process open', async () => {
  const args = ['--test', '--test-reporter=tap', 'kit.test.js'];
  const { stdout } = await run(process.execPath, args, { cwd: folder, timeout: 100_000 });
  expect(stdout).toMatch(/^# pass 2$/m);
  expect(stdout).toMatch(/^# fail 0$/m);
}, 120_000);
