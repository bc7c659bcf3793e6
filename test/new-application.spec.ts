// Applications as `nest new` writes them, with the packed package: `nest add` changes them as it says, the quick start of
// the README pasted into them works, and their tests run with the configuration that `nest new` wrote.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { INSTALL_TIMEOUT, installPackage } from './fixtures/install-package.ts';

const LIMIT = 180_000;

const root = join(import.meta.dirname, '..');
const run = promisify(execFile);

/** Tests of the quick start's controller, as docs/testing.md shows them. */
const unitTest = `
import { Test } from '@nestjs/testing';
import { BackgroundTasksModule } from 'nestjs-background-tasks';
import { TestTasks, TestTasksModule } from 'nestjs-background-tasks/testing';
import { NotificationsController } from './notifications.controller.js';

test('sending adds a task', async () => {
  const moduleRef = await Test.createTestingModule({
    imports: [BackgroundTasksModule.forRoot(), TestTasksModule.forRoot({ mode: 'manual' })],
    controllers: [NotificationsController],
  }).compile();
  const controller = await moduleRef.resolve(NotificationsController);

  controller.send('ada@example.com');

  expect(moduleRef.get(TestTasks).added({ name: 'writeNotification' })).toHaveLength(1);
});
`;

const endToEndTest = `
import { readFile } from 'node:fs/promises';
import { Test } from '@nestjs/testing';
import request from 'supertest';
import { TestTasksModule } from 'nestjs-background-tasks/testing';
import { AppModule } from './../src/app.module.js';

test('the notification is written', async () => {
  const moduleRef = await Test.createTestingModule({
    imports: [AppModule, TestTasksModule.forRoot({ mode: 'inline' })],
  }).compile();
  const app = await moduleRef.createNestApplication().init();

  await request(app.getHttpServer()).post('/send-notification/ada@example.com').expect(201);

  expect(await readFile('log.txt', 'utf8')).toContain('ada@example.com');
  await app.close();
});
`;

/** What the README says of CommonJS projects: no `.js`. */
const forCommonJs = (code: string) => code.replaceAll(/(from '\.[^']*)\.js'/g, "$1'");

const nests = [
  { nest: 11, nodeModules: join(root, 'test/nest-11-app/node_modules'), isCommonJs: true },
  { nest: 12, nodeModules: join(root, 'node_modules'), isCommonJs: false },
];

/** `nest new` writes no line that tells the port. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => process.env['REQUIRE_SERVICES'] === '1',
  );

for (const it of nests) {
  const isInstalled = await isThere(it.nodeModules);
  describe.runIf(isInstalled)(`an application of nest new, Nest ${it.nest}`, { timeout: LIMIT }, () => {
    const { nodeModules, isCommonJs } = it;
    let folder: string;
    const sources = (path: string) => readFile(join(folder, path), 'utf8');

    beforeAll(async () => {
      const parent = await mkdtemp(join(tmpdir(), `nest-${it.nest}-new-`));
      folder = join(parent, 'app');
      const options = ['--skip-install', '--skip-git', '--package-manager', 'npm'];
      await run(process.execPath, [join(nodeModules, '@nestjs/cli/bin/nest.js'), 'new', 'app', ...options], {
        cwd: parent,
      });
      await installPackage(folder, nodeModules);
      await symlink(join(nodeModules, '.bin'), join(folder, 'node_modules/.bin'));
    }, INSTALL_TIMEOUT);

    afterAll(() => rm(join(folder, '..'), { recursive: true }));

    /** Runs a command in the folder of the application, and returns what it prints. */
    async function output(command: string, args: string[]): Promise<string> {
      const options = { cwd: folder, env: { ...process.env, FORCE_COLOR: '0', NO_COLOR: '1' }, maxBuffer: 2 ** 24 };
      try {
        const { stdout, stderr } = await run(command, args, options);
        return stdout + stderr;
      } catch (error) {
        const { stdout, stderr } = error as { stdout: string; stderr: string };
        throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}${stderr}`, { cause: error });
      }
    }

    const nestAdd = () => output('node_modules/.bin/nest', ['add', 'nestjs-background-tasks', '--skip-install']);

    test('nest add imports the module and enables the shutdown hooks, once', async () => {
      const before = { module: await sources('src/app.module.ts'), main: await sources('src/main.ts') };
      const said = await nestAdd();
      expect(said).toContain('src/app.module.ts: added BackgroundTasksModule.forRoot().');
      expect(said).toContain('src/main.ts: added enableShutdownHooks().');
      const module = before.module
        .replace(/(from '@nestjs\/common';\n)/, "$1import { BackgroundTasksModule } from 'nestjs-background-tasks';\n")
        .replace('imports: []', 'imports: [BackgroundTasksModule.forRoot()]');
      const main = before.main.replace(/(create\(AppModule\);\n)/, '$1  app.enableShutdownHooks();\n');
      expect(await sources('src/app.module.ts')).toBe(module);
      expect(await sources('src/main.ts')).toBe(main);

      // The second time, the package is where pnpm puts it.
      const installed = join(folder, 'node_modules/nestjs-background-tasks');
      const ofPnpm = join(folder, 'node_modules/.pnpm/nestjs-background-tasks@0.1.0/node_modules');
      await mkdir(ofPnpm, { recursive: true });
      await rename(installed, join(ofPnpm, 'nestjs-background-tasks'));
      await symlink(join(ofPnpm, 'nestjs-background-tasks'), installed);
      const again = await nestAdd();
      expect(again).toContain('src/app.module.ts: BackgroundTasksModule.forRoot() is there already.');
      expect(again).toContain('src/main.ts: enableShutdownHooks() is there already.');
      expect(await sources('src/app.module.ts')).toBe(module);
      expect(await sources('src/main.ts')).toBe(main);
      await rm(installed);
      await rename(join(ofPnpm, 'nestjs-background-tasks'), installed);
    });

    test('after nest add, it builds, answers, and closes at SIGTERM', async () => {
      await output('npm', ['run', 'build']);
      const port = await freePort();
      const server = spawn(process.execPath, ['dist/main.js'], {
        cwd: folder,
        env: { ...process.env, PORT: String(port) },
      });
      const ended = once(server, 'exit');
      onTestFinished(() => void server.kill('SIGKILL'));
      let log = '';
      server.stdout.setEncoding('utf8').on('data', (chunk: string) => (log += chunk));
      await expect.poll(() => log, { timeout: 30_000 }).toContain('successfully started');
      const page = () => fetch(`http://127.0.0.1:${port}`).then((response) => response.text());
      await expect.poll(() => page().catch(String), { timeout: 30_000 }).toBe('Hello World!');
      server.kill('SIGTERM');
      const [, signal] = (await ended) as [number | null, string | null];
      expect(signal).toBe('SIGTERM');
      expect(log).not.toContain('WARN');
    });

    test('after nest add, the end-to-end test that nest new wrote passes', async () => {
      expect(await output('npm', ['run', 'test:e2e'])).toMatch(/Tests:? +1 passed/);
    });

    test('with the quick start, the tests that nest new wrote pass, and those of the new controller', async () => {
      const readme = await readFile(join(root, 'README.md'), 'utf8');
      const blocks = Array.from(readme.matchAll(/```ts\n\/\/ (src\/\S+)\n(.*?)```/gs), ([, path, code]) => [
        path!,
        code!,
      ]);
      expect(blocks.map(([path]) => path)).toEqual([
        'src/app.module.ts',
        'src/main.ts',
        'src/notifications.controller.ts',
      ]);
      const tests = [
        ['src/notifications.controller.spec.ts', unitTest],
        ['test/notifications.e2e-spec.ts', endToEndTest],
      ];
      for (const [path, code] of [...blocks, ...tests] as [string, string][]) {
        await writeFile(join(folder, path), isCommonJs ? forCommonJs(code) : code);
      }
      if (isCommonJs) {
        await output('npm', ['run', 'build']); // test/quick-start.spec.ts compiles it as ESM
      }
      expect(await output('npm', ['test'])).toMatch(/Tests:? +2 passed/);
      expect(await output('npm', ['run', 'test:e2e'])).toMatch(/Tests:? +2 passed/);
    });
  });
}
