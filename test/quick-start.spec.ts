import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { INSTALL_TIMEOUT, installPackage } from './fixtures/install-package.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');

/** The files of a new Nest 12 application that the quick start doesn't change. */
const newApplication = {
  'package.json': JSON.stringify({ name: 'quick-start', private: true, type: 'module' }),
  'tsconfig.json': JSON.stringify({
    compilerOptions: {
      module: 'nodenext',
      moduleResolution: 'nodenext',
      target: 'es2023',
      strict: true,
      isolatedModules: true,
      emitDecoratorMetadata: true,
      experimentalDecorators: true,
      types: ['node'],
      outDir: 'dist',
      rootDir: 'src',
    },
    include: ['src'],
  }),
};

/** `ts` blocks that begin with the path of their file. */
function filesIn(readme: string): Record<string, string> {
  const blocks = readme.matchAll(/```ts\n\/\/ (src\/\S+)\n(.*?)```/gs);
  return Object.fromEntries(Array.from(blocks, ([, path, code]) => [path, code]));
}

test(
  'the quick start, pasted into a new application with the packed package, compiles and works',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'quick-start-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await installPackage(folder);
    const pasted = filesIn(await readFile(join(root, 'README.md'), 'utf8'));
    expect(Object.keys(pasted)).toEqual(['src/app.module.ts', 'src/main.ts', 'src/notifications.controller.ts']);
    pasted['src/main.ts'] = pasted['src/main.ts']!.replace(
      /( *)await app\.listen\(.*\);\n/,
      '$&$1console.log(`listening at ${await app.getUrl()}`);\n',
    );
    await cp(join(root, 'test/fixtures/new-application'), folder, { recursive: true });
    for (const [path, content] of Object.entries({ ...newApplication, ...pasted })) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), content);
    }
    await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder]).catch(
      ({ stdout }: { stdout: string }) => expect.fail(stdout),
    );

    const server = spawn(process.execPath, ['dist/main.js'], {
      cwd: folder,
      env: { ...process.env, PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(async () => {
      server.kill();
      await once(server, 'exit');
    });
    let output = '';
    server.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
    await expect.poll(() => output, { timeout: 10_000 }).toMatch(/listening at (\S+)/);
    const url = /listening at (\S+)/.exec(output)![1]!;
    const response = await fetch(`${url}/send-notification/ada@example.com`, { method: 'POST' });
    expect(await response.json()).toEqual({ message: 'Notification sent in the background' });
    const log = join(folder, 'log.txt');
    await expect
      .poll(() =>
        access(log).then(
          () => readFile(log, 'utf8'),
          () => '',
        ),
      )
      .toBe('notification for ada@example.com: some notification\n');
    // Packing builds the package, and then the application is compiled: on a busy machine that takes two minutes.
  },
  INSTALL_TIMEOUT,
);
