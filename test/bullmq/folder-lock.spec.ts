import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { lockFolder } from '../../lib/bullmq/store/pglite/folder-lock.ts';

const module = pathToFileURL(join(import.meta.dirname, '../../lib/bullmq/store/pglite/folder-lock.ts')).href;

async function ownFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lock-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

/** A process that holds a folder until it is killed. */
async function holder(folder: string, platform: string) {
  const code = `import { lockFolder } from ${JSON.stringify(module)};
    const lock = await lockFolder(${JSON.stringify(folder)}, ${JSON.stringify(platform)});
    console.log(lock ? 'held' : 'not held');
    setInterval(() => undefined, 1_000);`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [answer] = (await once(child.stdout, 'data')) as [Buffer];
  expect(answer.toString().trim()).toBe('held');
  return child;
}

// Linux has abstract socket names. Other systems, such as macOS, use files.
test.each(['linux', 'darwin'] as const)('as on %s: one process has a folder, until it is killed', async (platform) => {
  const folder = await ownFolder();
  const child = await holder(folder, platform);
  expect(await lockFolder(folder, platform)).toBeUndefined();
  child.kill('SIGKILL');
  await once(child, 'exit');
  const lock = await lockFolder(folder, platform);
  expect(lock).toBeDefined();
  expect(await lockFolder(folder, platform)).toBeUndefined();
  await lock!.release();
  const again = await lockFolder(folder, platform);
  await again!.release();
});

test('every path to a folder finds the same lock, and other folders are free', async () => {
  const folder = await ownFolder();
  await mkdir(join(folder, 'a'));
  await mkdir(join(folder, 'b'));
  await symlink(join(folder, 'a'), join(folder, 'link'));
  const lock = await lockFolder(join(folder, 'a'));
  expect(await lockFolder(join(folder, 'link'))).toBeUndefined();
  const other = await lockFolder(join(folder, 'b'));
  expect(other).toBeDefined();
  await lock!.release();
  await other!.release();
});
