// Tries `nest add` where npm and pnpm have installed the packed package into applications of `nest new`. Needs a network.
// node test/nest-add-installed.mjs [TARBALL]
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const pnpm = ['npx', '--yes', 'pnpm@10'];

const managers = {
  npm: { install: ['npm', 'install', '--no-audit', '--no-fund'], exec: ['npx'], script: ['npm', 'run'] },
  pnpm: { install: [...pnpm, 'add'], exec: [...pnpm, 'exec'], script: [...pnpm, 'run'] },
};

const folder = await mkdtemp(join(tmpdir(), 'nest-add-'));

async function output([command, ...args], cwd) {
  const { stdout, stderr } = await run(command, args, { cwd, maxBuffer: 2 ** 26 });
  return stdout + stderr;
}

async function pack() {
  await output(['npm', 'pack', '--pack-destination', folder], join(import.meta.dirname, '..'));
  const { version } = JSON.parse(await readFile(join(import.meta.dirname, '../package.json'), 'utf8'));
  return join(folder, `nestjs-background-tasks-${version}.tgz`);
}

async function tryOne(nest, name, tarball) {
  const { install, exec, script } = managers[name];
  const app = join(folder, `nest-${nest}-${name}`);
  const options = ['--skip-install', '--skip-git', '--package-manager', name];
  await output(['npx', '--yes', `@nestjs/cli@${nest}`, 'new', `nest-${nest}-${name}`, ...options], folder);
  await output([...install, tarball], app);
  await output([...exec, 'nest', 'add', 'nestjs-background-tasks', '--skip-install'], app);
  const [module, main] = await Promise.all(
    ['src/app.module.ts', 'src/main.ts'].map((path) => readFile(join(app, path), 'utf8')),
  );
  if (!module.includes('imports: [BackgroundTasksModule.forRoot()]') || !main.includes('app.enableShutdownHooks()')) {
    throw new Error(`nest add has not changed the application:\n${module}\n${main}`);
  }
  for (const it of ['build', 'test', 'test:e2e']) {
    await output([...script, it], app);
  }
}

try {
  const tarball = process.argv[2] ? resolve(process.argv[2]) : await pack();
  for (const nest of [11, 12]) {
    for (const name of Object.keys(managers)) {
      await tryOne(nest, name, tarball);
      process.stdout.write(`Nest ${nest}, ${name}: nest add, build and both tests work\n`);
    }
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
