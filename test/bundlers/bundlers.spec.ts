import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  definedBesideForRoot,
  definedInBundle,
  definedInEntryFile,
  packageInBundle,
  threadIsEmpty,
  threadIsNoFile,
  threadIsNoModule,
} from '../../lib/task/task.messages.ts';
import { INSTALL_TIMEOUT, installPackage } from '../fixtures/install-package.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
/** The bundlers that .ci/run installs. */
const bundlers = join(import.meta.dirname, 'node_modules');

const NAME = 'renderReport';

/** What the process that ran an application printed. */
interface Outcome {
  stdout: string;
  stderr: string;
}

/** How a process is started. */
interface How {
  args?: string[];
  env?: Record<string, string>;
}

interface Application {
  type: 'commonjs' | 'module';
  /** The folder of `main.ts` and `report.task.ts`. */
  src?: string;
  /** The file of the task, or the expression for its option `thread`. */
  task: { file: string } | { thread: string };
  files?: Record<string, string>;
}

/** ms: each bundler and each compiler takes some seconds of a processor. */
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let folder: string;
let applications = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bundlers-'));
  await installPackage(folder, existsSync(bundlers) ? bundlers : undefined);
}, INSTALL_TIMEOUT);

afterAll(() => rm(folder, { recursive: true }));

beforeEach(({ skip }) => {
  if (!existsSync(bundlers) && process.env['REQUIRE_SERVICES'] !== '1') {
    skip('`npm ci --prefix test/bundlers` installs the bundlers');
  }
});

const docs = await readFile(join(root, 'docs/bundlers.md'), 'utf8');

/** The block of docs/bundlers.md that begins with this path. */
function documented(path: string): string {
  const block = Array.from(docs.matchAll(/```[jt]s\n\/\/ (\S+)\n(.*?)```/gs)).find(([, name]) => name === path);
  return block?.[2] ?? expect.fail(`docs/bundlers.md has no ${path}`);
}

/** The arguments of a command in docs/bundlers.md. */
function documentedCommand(name: string, part = ''): string[] {
  const commands = Array.from(docs.matchAll(/```sh\n(.*?)\n```/gs), ([, command]) => command!);
  const command = commands.find((it) => it.startsWith(name) && it.includes(part));
  return (command ?? expect.fail(`docs/bundlers.md has no ${name}`)).split(' ').slice(1);
}

const main = `
  import 'reflect-metadata';
  import { Module } from '@nestjs/common';
  import { NestFactory } from '@nestjs/core';
  import { BackgroundTasksModule, TaskRunner } from 'nestjs-background-tasks';
  import { renderReport } from './report.task';

  @Module({ imports: [BackgroundTasksModule.forRoot({ pool: { maxThreads: 1 } })] })
  class AppModule {}

  async function start() {
    const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
    console.log('started');
    const { status, result } = await app.get(TaskRunner).start(renderReport, [1, 2, 39]).settled();
    console.log(status, result);
    await app.close();
  }

  void start();
`;

const compilerOptions = {
  target: 'es2023',
  strict: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  skipLibCheck: true,
  types: ['node'],
};
const forNode = { ...compilerOptions, module: 'nodenext', moduleResolution: 'nodenext' };
const forBundler = { ...compilerOptions, module: 'esnext', moduleResolution: 'bundler' };

const task = (thread: string) => `
  import { defineTask } from 'nestjs-background-tasks/task';

  export const renderReport = defineTask(
    function renderReport(rows: number[]) { return rows.reduce((sum, row) => sum + row, 0); },
    { name: 'renderReport', thread: ${thread} },
  );
`;

/** What keeps the main thread's copy of the function from passing for the thread's. */
const inThreadOnly = (code: string) =>
  code.replace(
    'return rows',
    `if (process.getBuiltinModule('node:worker_threads').isMainThread) throw new Error('on the main thread');\n    return rows`,
  );

async function create({ type, src = 'src', task: given, files = {} }: Application): Promise<string> {
  const app = join(folder, `app-${applications++}`);
  const isModule = type === 'module';
  const taskFile = 'file' in given ? documented(given.file) : task(given.thread);
  const all: Record<string, string> = {
    'package.json': JSON.stringify({ type }),
    'nest-cli.json': JSON.stringify({ collection: '@nestjs/schematics', sourceRoot: 'src' }),
    'tsconfig.json': JSON.stringify({ compilerOptions: isModule ? forBundler : forNode }),
    [`${src}/main.ts`]: main,
    [`${src}/report.task.ts`]: inThreadOnly(taskFile),
    ...files,
  };
  for (const [file, content] of Object.entries(all)) {
    await mkdir(dirname(join(app, file)), { recursive: true });
    await writeFile(join(app, file), content);
  }
  await symlink(join(folder, 'node_modules'), join(app, 'node_modules'));
  return app;
}

async function execute(file: string, args: string[], app: string): Promise<void> {
  // The Nest CLI loads bundlers from where it is itself.
  const env = { ...process.env, NODE_PATH: bundlers };
  await run(file, args, { cwd: app, env }).catch(({ stdout, stderr }: Outcome) => expect.fail(stdout + stderr));
}

const nestBuild = (app: string, ...args: string[]) =>
  execute(process.execPath, [join(root, 'node_modules/@nestjs/cli/bin/nest.js'), 'build', ...args], app);

const webpack = (app: string) => nestBuild(app, '--webpack');
const rspack = (app: string) => nestBuild(app, '--builder', 'rspack');
const esbuild = (app: string, args: string[]) => execute(join(bundlers, 'esbuild/bin/esbuild'), args, app);
const vite = (app: string) => execute(process.execPath, [join(root, 'node_modules/vite/bin/vite.js'), 'build'], app);
const tsc = (app: string, args: string[]) =>
  execute(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), ...args], app);

const bundleMain = (format: string, ...args: string[]) => [
  'src/main.ts',
  '--outfile=dist/main.js',
  '--bundle',
  '--platform=node',
  `--format=${format}`,
  ...args,
];

/** Runs what was built, where there are no sources. */
async function start(app: string, entry = 'dist/main.js', { args = [], env = {} }: How = {}): Promise<Outcome> {
  return run(process.execPath, [...args, entry], { cwd: app, env: { ...process.env, ...env } }).catch(
    (outcome: Outcome) => outcome,
  );
}

const removeSources = (app: string, src = 'src') => rm(join(app, src), { recursive: true });

const works = { stdout: 'started\ncompleted 42\n', stderr: '' };

/** The application has not started. */
const refused = (message: string) => ({ stdout: '', stderr: expect.stringContaining(message) as string });

const urlOf = (app: string, file: string) => pathToFileURL(join(app, file)).href;

test.each([
  ['webpack', webpack],
  ['rspack', rspack],
])('Nest CLI with %s, CommonJS: __filename is refused at start', async (_label, build) => {
  const app = await create({ type: 'commonjs', task: { thread: '__filename' } });
  await build(app);
  const message = definedInEntryFile(NAME, urlOf(app, 'dist/main.js'));
  expect(await start(app)).toMatchObject(refused(message));
  // The bundle is loaded by another file, as process managers and servers do.
  await writeFile(join(app, 'server.js'), "require('./dist/main.js');");
  expect(await start(app, 'server.js')).toMatchObject(refused(definedBesideForRoot(NAME, join(app, 'dist/main.js'))));
});

test.each([
  ['webpack', webpack],
  ['rspack', rspack],
])('Nest CLI with %s, CommonJS: an entry of its own works', async (label, build) => {
  const config = `${label}.config.js`;
  const app = await create({
    type: 'commonjs',
    task: { file: 'commonjs/src/report.task.ts' },
    files: { [config]: documented(config) },
  });
  await build(app);
  await removeSources(app);
  expect(await start(app)).toMatchObject(works);
});

test.each([
  ['webpack', { webpack: true }, 'webpack.config.js'],
  [
    'rspack',
    { builder: { type: 'rspack', options: { configPath: 'apps/reports/rspack.config.js' } } },
    'apps/reports/rspack.config.js',
  ],
])('Nest CLI in a monorepo with %s', async (_label, builder, config) => {
  const src = 'apps/reports/src';
  const project = { root: 'apps/reports', sourceRoot: src };
  const files = {
    'nest-cli.json': JSON.stringify({
      ...project,
      collection: '@nestjs/schematics',
      monorepo: true,
      compilerOptions: { ...builder, tsConfigPath: 'tsconfig.json' },
      projects: { reports: { ...project, type: 'application', entryFile: 'main' } },
    }),
  };
  const entry = 'dist/apps/reports/main.js';
  const app = await create({
    type: 'commonjs',
    src,
    task: { thread: '__filename' },
    // No configuration of its own yet.
    files: { ...files, [config]: 'module.exports = (options) => options;' },
  });
  await nestBuild(app, 'reports');
  expect(await start(app, entry)).toMatchObject(refused(definedInEntryFile(NAME, urlOf(app, entry))));
  await writeFile(join(app, config), documented('monorepo.config.js'));
  await writeFile(join(app, src, 'report.task.ts'), inThreadOnly(documented('commonjs/src/report.task.ts')));
  await nestBuild(app, 'reports');
  await removeSources(app, src);
  expect(await start(app, entry)).toMatchObject(works);
});

test('Nest CLI with rspack, ES modules: import.meta.url is refused at start', async () => {
  const app = await create({ type: 'module', task: { thread: 'import.meta.url' } });
  await rspack(app);
  const source = urlOf(app, 'src/report.task.ts');
  expect(await start(app)).toMatchObject(refused(definedInBundle(NAME, source, join(app, 'dist/main.js'))));
  await removeSources(app);
  expect(await start(app)).toMatchObject(refused(threadIsNoFile(NAME, source)));
});

test('Nest CLI with rspack, ES modules: an entry of its own works', async () => {
  const app = await create({
    type: 'module',
    task: { file: 'esm/src/report.task.ts' },
    files: { 'rspack.config.js': documented('rspack.config.js').replace('module.exports =', 'export default') },
  });
  await rspack(app);
  await removeSources(app);
  expect(await start(app)).toMatchObject(works);
});

test('Nest CLI with webpack: a file that is left out of the bundle works', async () => {
  const app = await create({
    type: 'commonjs',
    task: { thread: '__filename' },
    files: { 'webpack.config.js': documented('external/webpack.config.js') },
  });
  await webpack(app);
  await tsc(app, [...documentedCommand('tsc'), '--ignoreConfig']);
  await removeSources(app);
  expect(await start(app)).toMatchObject(works);
});

describe('webpack with other options', () => {
  /** By the name of what is built. */
  const options: Record<string, string> = {
    source: '',
    evaluated: "devtool: 'eval'",
    mapped: "devtool: 'source-map'",
    minified: "mode: 'production'",
    mocked: "node: { __filename: 'mock' }",
    relative: 'node: { __filename: true }',
    chunk: "entry: './src/later.ts'",
  };
  let app: string;

  beforeAll(async () => {
    const configurations = Object.entries(options).map(
      ([name, more]) =>
        `(options) => ({ ...options, output: { ...options.output, filename: '${name}.js', chunkFilename: 'later.js' }, ${more} })`,
    );
    app = await create({
      type: 'commonjs',
      task: { thread: "process.env['BY'] === 'url' ? import.meta.url : __filename" },
      files: {
        'src/later.ts': "void import('./report.task').catch((error) => console.error(error.message));",
        'webpack.config.js': `module.exports = [${configurations.join()}];`,
        // TypeScript must leave import.meta to webpack.
        'tsconfig.json': JSON.stringify({ compilerOptions: { ...forBundler, sourceMap: true } }),
      },
    });
    await webpack(app);
  });

  const inBundle = (file: string, bundle: string) => definedInBundle(NAME, urlOf(app, file), bundle);

  test.each([
    ['the path of the source', 'source', 'url', () => inBundle('src/report.task.ts', join(app, 'dist/source.js'))],
    ['the same, with source maps', 'mapped', 'url', () => inBundle('src/report.task.ts', join(app, 'dist/mapped.js'))],
    [
      'the same, in eval()',
      'evaluated',
      'url',
      () => inBundle('src/report.task.ts', 'webpack:///./src/report.task.ts'),
    ],
    ['the bundle, minified', 'minified', 'file', () => definedInEntryFile(NAME, urlOf(app, 'dist/minified.js'))],
    ['a mocked path', 'mocked', 'file', () => threadIsNoFile(NAME, 'file:///index.js')],
    ['a relative path', 'relative', 'file', () => threadIsNoModule(NAME, 'a string of 18 characters')],
    ['a chunk', 'chunk', 'file', () => inBundle('dist/later.js', join(app, 'dist/later.js'))],
  ])('the file of the task is %s: refused at start', async (_label, name, by, message) => {
    const outcome = await start(app, `dist/${name}.js`, { args: ['--enable-source-maps'], env: { BY: by } });
    expect(outcome).toMatchObject(refused(message()));
  });
});

test.each([
  ['empty, if it is CommonJS', 'cjs', 'import.meta.url', () => threadIsEmpty(NAME, 'undefined')],
  [
    'the bundle’s file, if it is CommonJS',
    'cjs',
    '__filename',
    (app: string) => definedInEntryFile(NAME, urlOf(app, 'dist/main.js')),
  ],
  [
    'the bundle’s file, if it is ESM',
    'esm',
    'import.meta.url',
    (app: string) => definedInEntryFile(NAME, urlOf(app, 'dist/main.js')),
  ],
])('esbuild: the file of the task is %s: refused at start', async (_label, format, thread, message) => {
  const app = await create({ type: format === 'esm' ? 'module' : 'commonjs', task: { thread } });
  await esbuild(app, bundleMain(format, '--packages=external'));
  expect(await start(app)).toMatchObject(refused(message(app)));
});

test.each([
  ['cjs', 'commonjs'],
  ['esm', 'module'],
] as const)('esbuild, %s: an entry of its own works', async (format, type) => {
  const app = await create({ type, task: { file: `${type === 'module' ? 'esm' : type}/src/report.task.ts` } });
  const args = documentedCommand('esbuild', `--format=${format}`);
  for (const more of [[], ['--minify'], ['--sourcemap'], ...(format === 'esm' ? [['--splitting']] : [])]) {
    await esbuild(app, [...args, ...more]);
    expect([more, await start(app, 'dist/main.js', { args: ['--enable-source-maps'] })]).toMatchObject([more, works]);
  }
});

test.each([
  ['cjs', 'commonjs', '__filename'],
  ['esm', 'module', 'import.meta.url'],
] as const)('esbuild, %s: a file that is left out of the bundle works', async (format, type, thread) => {
  const app = await create({ type, task: { thread } });
  await esbuild(app, bundleMain(format, '--packages=external', '--external:./report.task'));
  await esbuild(app, ['src/report.task.ts', '--outdir=dist', `--format=${format}`, '--platform=node']);
  const bundle = join(app, 'dist/main.js');
  await writeFile(bundle, (await readFile(bundle, 'utf8')).replace('./report.task"', './report.task.js"'));
  expect(await start(app)).toMatchObject(works);
});

test.each([
  ['cjs', 'commonjs', '__filename'],
  ['esm', 'module', 'import.meta.url'],
] as const)('esbuild, %s: a bundle that contains this package is refused at start', async (format, type, thread) => {
  const external = ['--external:@nestjs/*', '--external:reflect-metadata', '--external:rxjs'];
  const app = await create({ type, task: { thread } });
  await esbuild(app, bundleMain(format, ...external));
  expect(await start(app)).toMatchObject(refused(packageInBundle(NAME)));
  // The task is outside, and has the package from node_modules. The application has it in the bundle.
  await esbuild(app, bundleMain(format, ...external, '--external:./report.task'));
  await esbuild(app, ['src/report.task.ts', '--outdir=dist', `--format=${format}`, '--platform=node']);
  const bundle = join(app, 'dist/main.js');
  await writeFile(bundle, (await readFile(bundle, 'utf8')).replace('./report.task"', './report.task.js"'));
  expect(await start(app)).toMatchObject(refused(packageInBundle(NAME)));
});

test('Vite: the file of the task is that of the bundle: refused at start', async () => {
  const config = documented('vite.config.js').replace(/input: .*? } }/s, "input: 'src/main.ts' }");
  const app = await create({
    type: 'module',
    task: { thread: 'import.meta.url' },
    files: { 'vite.config.js': config },
  });
  await vite(app);
  expect(await start(app)).toMatchObject(refused(definedInEntryFile(NAME, urlOf(app, 'dist/main.js'))));
});

test.each([['esm/src/report.task.ts'], [undefined]])('Vite: an entry of its own works: %s', async (file) => {
  const app = await create({
    type: 'module',
    task: file === undefined ? { thread: 'import.meta.url' } : { file },
    files: { 'vite.config.js': documented('vite.config.js') },
  });
  await vite(app);
  await removeSources(app);
  expect(await start(app)).toMatchObject(works);
});

test.each([
  ['tsx', ['--import', import.meta.resolve('tsx')], 'src/main.ts'],
  ['tsc and source maps', ['--enable-source-maps'], 'dist/main.js'],
])('without a bundler, the same file works: %s', async (label, args, entry) => {
  for (const given of [{ file: 'commonjs/src/report.task.ts' }, { thread: '__filename' }]) {
    const app = await create({ type: 'commonjs', task: given });
    if (label !== 'tsx') {
      await tsc(app, ['--outDir', 'dist', '--rootDir', 'src', '--sourceMap', '-p', '.']);
    }
    expect(await start(app, entry, { args })).toMatchObject(works);
  }
});

test('without a bundler, the same file is defined: Jest', async ({ skip }) => {
  const jest = join(root, 'test/jest/node_modules/jest/bin/jest.js');
  if (!existsSync(jest) && process.env['REQUIRE_SERVICES'] !== '1') {
    skip('`npm ci --prefix test/jest` installs Jest');
  }
  const config = { testEnvironment: 'node', transform: { '\\.ts$': join(root, 'test/fixtures/jest-transform.cjs') } };
  for (const given of [{ file: 'commonjs/src/report.task.ts' }, { thread: '__filename' }]) {
    const app = await create({
      type: 'commonjs',
      task: given,
      files: {
        'src/report.test.ts': `
          import { renderReport } from './report.task';
          test('is defined', () => expect(renderReport).toBeInstanceOf(Function));
        `,
        'jest.config.json': JSON.stringify(config),
      },
    });
    await execute(process.execPath, [jest, '--config', 'jest.config.json', '--no-cache'], app);
  }
});
