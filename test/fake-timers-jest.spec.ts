import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { installPackage, otherNests } from './fixtures/install-package.ts';

const run = promisify(execFile);

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'jest-'));
  await installPackage(folder, otherNests[11]);
  await copyFile(join(import.meta.dirname, 'fixtures/fake-timers.jest.js'), join(folder, 'fake-timers.test.js'));
}, 120_000);

afterAll(() => rm(folder, { recursive: true }));

test.each([
  ['a test calls jest.useFakeTimers()', {}],
  ['the configuration replaces timers before it loads the package', { enableGlobally: true }],
])(
  'tasks run and an application closes with the fake timers of Jest: %s',
  async (_name, fakeTimers) => {
    const config = {
      testEnvironment: 'node',
      testTimeout: 20_000,
      transform: { '\\.js$': join(import.meta.dirname, 'fixtures/jest-transform.cjs') },
      transformIgnorePatterns: ['/node_modules/(?!(nestjs-background-tasks|yocto-queue|serialize-error|non-error)/)'],
      fakeTimers,
    };
    await writeFile(join(folder, 'jest.config.json'), JSON.stringify(config));
    const jest = join(import.meta.dirname, 'jest/node_modules/jest/bin/jest.js');
    const { stderr } = await run(process.execPath, [jest, '--config', 'jest.config.json', '--no-cache'], {
      cwd: folder,
    });
    expect(stderr).toMatch(/^Tests: +5 passed, 5 total$/m);
  },
  120_000,
);
