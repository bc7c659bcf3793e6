import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundleEntry } from './fixtures/bundle-entry.ts';
import { INSTALL_TIMEOUT, installPackage } from './fixtures/install-package.ts';

const run = promisify(execFile);

type Format = 'import' | 'require';

interface Manifest {
  exports: Record<string, string | Record<Format, { types: string; default: string }>>;
  peerDependencies: Record<string, string>;
  types: string;
  typesVersions: { '*': Record<string, [string]> };
}

/** The folder of an application that has the package installed. */
let folder: string;
let manifest: Manifest;
const installed = () => join(folder, 'node_modules/nestjs-background-tasks');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'package-'));
  await installPackage(folder);
  manifest = JSON.parse(await readFile(join(installed(), 'package.json'), 'utf8')) as Manifest;
}, INSTALL_TIMEOUT);

afterAll(() => rm(folder, { recursive: true }));

const entries = () =>
  Object.entries(manifest.exports).flatMap(([entry, formats]) =>
    typeof formats === 'string' ? [] : [{ entry, formats }],
  );

/** The names of the packages that a process loads when it imports or requires an entry. */
async function loadedBy(format: Format, entry: string): Promise<string[]> {
  const loads = join(folder, `loads-${format}${entry.replaceAll('/', '-')}.txt`);
  const hook = join(import.meta.dirname, 'fixtures/record-loads.mjs');
  const specifier = join('nestjs-background-tasks', entry);
  const script = format === 'import' ? `import '${specifier}';` : `require('${specifier}');`;
  const type = format === 'import' ? 'module' : 'commonjs';
  await run(process.execPath, ['--import', hook, `--input-type=${type}`, '-e', script], {
    cwd: folder,
    env: { ...process.env, LOADS: loads },
  });
  const files = (await readFile(loads, 'utf8')).split('\n');
  const packages = files.flatMap((file) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? []);
  expect(packages, `the ${format} of ${specifier} loads its own files`).toContain('nestjs-background-tasks');
  return [...new Set(packages)].filter((name) => name !== 'nestjs-background-tasks').toSorted();
}

const servers = ['bullmq', 'ioredis', 'pg', '@electric-sql/pglite'];

const formats = ['import', 'require'] as const;
const unwantedIn = [
  // Threads, queues and shared records load their packages when an application uses them.
  ['.', [...servers, 'piscina', 'keyv', 'superjson']],
  // The module loads only the packages of the server that it connects to, and only when it starts.
  ['./bullmq', [...servers, 'piscina', 'keyv']],
  ['./dashboard', [...servers, 'piscina', 'keyv']],
  ['./testing', [...servers, 'piscina', 'keyv']],
] as const;

test.for(formats.flatMap((format) => unwantedIn.map(([entry, unwanted]) => [format, entry, unwanted] as const)))(
  'the %s of the entry %s loads no package that only some applications need',
  async ([format, entry, unwanted]) => {
    const loaded = await loadedBy(format, entry);
    expect(
      loaded.filter((name) => unwanted.some((it) => it === name)),
      `All packages that the ${format} of ${entry} loads: ${loaded.join(', ')}`,
    ).toEqual([]);
  },
);

// Each thread loads this entry: Nest would take ten times as long to load and four times the memory.
test.for(formats)('the %s of the entry ./task loads no package', async (format) => {
  expect(await loadedBy(format, './task')).toEqual([]);
});

test('each entry has the same exports by import and by require', async () => {
  const names = entries().map(({ entry }) => join('nestjs-background-tasks', entry));
  const script = `
    (async () => {
      const sorted = (module) => Object.keys(module).toSorted();
      for (const name of ${JSON.stringify(names)}) {
        const imported = sorted(await import(name)).filter((it) => it !== 'default' && it !== 'module.exports');
        console.log(JSON.stringify({ name, imported, required: sorted(require(name)) }));
      }
    })();
  `;
  const { stdout } = await run(process.execPath, ['-e', script], { cwd: folder });
  const all = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, string[]>);
  expect(all.map(({ name }) => name)).toEqual(names);
  for (const { name, imported, required } of all) {
    expect(imported!.length, `exports of ${String(name)}`).toBeGreaterThan(0);
    expect(required, `exports of ${String(name)}`).toEqual(imported);
  }
});

// `moduleResolution: node10` knows no `exports`, and its applications are CommonJS.
test('typesVersions has the types of each entry for TypeScript that reads no exports', () => {
  const types = entries().map(({ entry, formats: { require } }) => [entry, require.types]);
  const { typesVersions, types: main } = manifest;
  const old = Object.entries(typesVersions['*']).map(([entry, [path]]) => [`./${entry}`, path]);
  expect([['.', main], ...old]).toEqual(types);
});

/**
 * The most bytes that an entry may load when it is imported: minified, compressed by gzip, without peer dependencies.
 * Each bound is about 10 % above the size of version 0.1.0. An application that bundles for a serverless platform pays
 * for these bytes at each cold start. Raise a bound for a feature that most applications use. Import other code when
 * it is needed.
 */
const bounds: Record<string, number> = {
  '.': 46_500,
  './task': 4_700,
  './bullmq': 39_500,
  './dashboard': 47_000,
  './testing': 47_500,
  './otel': 5_200,
};

test('each entry stays within the bound of its size', async () => {
  const peers = Object.keys(manifest.peerDependencies);
  const sizes = [];
  for (const {
    entry,
    formats: { import: esm },
  } of entries()) {
    sizes.push({ entry, ...(await bundleEntry(join(installed(), esm.default), peers)) });
  }
  const lines = sizes.map(({ entry, minified, gzip, gzipLater }) =>
    [entry.padEnd(10), ...[minified, gzip, bounds[entry] ?? 0, gzipLater].map((it) => String(it).padStart(9))].join(''),
  );
  const head = `${'entry'.padEnd(10)} minified     gzip    bound    later`;
  process.stdout.write(`${[head, ...lines].join('\n')}\n`);
  expect(sizes.map(({ entry }) => entry)).toEqual(Object.keys(bounds));
  expect(sizes.filter(({ entry, gzip }) => gzip > bounds[entry]!)).toEqual([]);
});

test('the package contains what is built from lib and ui, the schematics, the docs, and no other file', async () => {
  const filesIn = async (path: string) =>
    (await readdir(path, { recursive: true, withFileTypes: true }))
      .filter((it) => it.isFile())
      .map((it) => join(it.parentPath, it.name).slice(path.length + 1));
  const root = join(import.meta.dirname, '..');
  const built = (await filesIn(join(root, 'lib'))).flatMap((file) => {
    const [, name, m] = /^(.*)\.([cm]?)[jt]s$/.exec(file)!;
    const files = [`${name}.${m}js`, `${name}.d.${m}ts`];
    return [...files, `${name}.${m}js.map`, ...files.map((it) => join('cjs', it))].map((it) => join('dist', it));
  });
  // The bundles of packages that are only ESM hold their code, so they hold their licenses too.
  built.push('dist/cjs/package.json', 'dist/cjs/vendor/LICENSES.md');
  // The page of the dashboard: the names of its assets have hashes. Pictures and the site itself are for the repository.
  const page = (await filesIn(join(installed(), 'dist/dashboard/page'))).map((it) => join('dist/dashboard/page', it));
  const kinds = page.map((it) => it.replace(/^dist\/dashboard\/page\/(assets\/\w+-)?.*(\.\w+)$/, '$1*$2'));
  expect(kinds.toSorted()).toEqual(['*.html', '*.md', 'assets/index-*.css', 'assets/index-*.js']);
  built.push(...page);
  const docs = (await filesIn(join(root, 'docs')))
    .map((it) => join('docs', it))
    .filter((it) => !/^docs\/(images|api|\.vitepress)\//.test(it));
  const schematics = (await filesIn(join(root, 'schematics'))).map((it) => join('schematics', it));
  const others = ['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'];
  expect(docs.filter((it) => !it.endsWith('.md'))).toEqual([]);
  expect((await filesIn(installed())).toSorted()).toEqual([...built, ...schematics, ...docs, ...others].toSorted());
});
