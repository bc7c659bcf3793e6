import { execFile } from 'node:child_process';
import { access, cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FoundServer } from './fixtures/find-server.ts';
import { INSTALL_TIMEOUT, installPackage } from './fixtures/install-package.ts';
import { findPostgres } from './fixtures/postgres-server.ts';

// An application as strangers have it: Nest 11, CommonJS, TypeScript 5.9, TypeORM, passport, class-transformer,
// nestjs-i18n, nodemailer, and Jest as `nest new` configures it. The tests of its behaviour are in its own folder.

const LIMIT = 300_000;

const source = join(import.meta.dirname, 'nest-11-app');
const run = promisify(execFile);

let folder: string;
let postgres: FoundServer | undefined;
let isInstalled: boolean;

beforeAll(async () => {
  isInstalled = await access(join(source, 'node_modules')).then(
    () => true,
    () => process.env['REQUIRE_SERVICES'] === '1',
  );
  postgres = await findPostgres();
  if (!isInstalled || !postgres) {
    return;
  }
  folder = await mkdtemp(join(tmpdir(), 'nest-11-app-'));
  for (const name of (await readdir(source)).filter((it) => it !== 'node_modules')) {
    await cp(join(source, name), join(folder, name), { recursive: true });
  }
  await installPackage(folder, join(source, 'node_modules'));
  await node('@nestjs/cli/bin/nest.js', ['build']);
}, INSTALL_TIMEOUT);

afterAll(async () => {
  await postgres?.stop();
  if (folder) {
    await rm(folder, { recursive: true });
  }
});

/** Runs a script of an installed package in the folder of the application. */
async function node(script: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const options = {
    cwd: folder,
    env: { ...process.env, FORCE_COLOR: '0', ...env, DATABASE_URL: postgres!.url },
    maxBuffer: 2 ** 26,
  };
  try {
    const { stdout, stderr } = await run(process.execPath, [join(folder, 'node_modules', script), ...args], options);
    return stdout + stderr;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${script} ${args.join(' ')} failed:\n${stdout}${stderr}`, { cause: error });
  }
}

test.for([
  ['unit tests', [], {}, 1],
  ['end-to-end tests with Scope.REQUEST', ['--config', './test/jest-e2e.json'], { SCOPE: 'REQUEST' }, 8],
  ['end-to-end tests with Scope.DEFAULT', ['--config', './test/jest-e2e.json'], { SCOPE: 'DEFAULT' }, 8],
] as const)('its %s pass', { timeout: LIMIT }, async ([, args, env, count], { skip }) => {
  skip(!isInstalled, '`npm ci --prefix test/nest-11-app` brings what this test needs');
  skip(!postgres, 'There is no Postgres');
  // The default of Jest is 5 s, which is short for a machine with both cores busy.
  const output = await node('jest/bin/jest.js', ['--testTimeout=60000', ...args], env);
  expect(output).toContain(`Tests:       ${count} passed, ${count} total`);
});
