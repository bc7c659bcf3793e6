import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundleEntry } from './fixtures/bundle-entry.ts';
import { installPackage } from './fixtures/install-package.ts';

const run = promisify(execFile);

interface Manifest {
  exports: Record<string, string | { default: string }>;
  peerDependencies: Record<string, string>;
}

/** The folder of an application that has the package installed. */
let folder: string;
let manifest: Manifest;
const installed = () => join(folder, 'node_modules/nestjs-background-tasks');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'package-'));
  await installPackage(folder);
  manifest = JSON.parse(await readFile(join(installed(), 'package.json'), 'utf8')) as Manifest;
}, 120_000);

afterAll(() => rm(folder, { recursive: true }));

/** The names of the packages that a process loads when it imports an entry. */
async function loadedBy(entry: string): Promise<string[]> {
  const loads = join(folder, `loads${entry.replaceAll('/', '-')}.txt`);
  const hook = join(import.meta.dirname, 'fixtures/record-loads.mjs');
  const specifier = join('nestjs-background-tasks', entry);
  await run(process.execPath, ['--import', hook, '--input-type=module', '-e', `import '${specifier}';`], {
    cwd: folder,
    env: { ...process.env, LOADS: loads },
  });
  const files = (await readFile(loads, 'utf8')).split('\n');
  const packages = files.flatMap((file) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? []);
  expect(packages, `importing ${specifier} loads its own files`).toContain('nestjs-background-tasks');
  return [...new Set(packages)].filter((name) => name !== 'nestjs-background-tasks').toSorted();
}

const servers = ['bullmq', 'ioredis', 'pg', '@electric-sql/pglite'];

test.for([
  // Threads, queues and shared records load their packages when an application uses them.
  ['.', [...servers, 'piscina', 'keyv', 'superjson']],
  // The module loads only the packages of the server that it connects to, and only when it starts.
  ['./bullmq', [...servers, 'piscina', 'keyv']],
] as const)('importing the entry %s loads no package that only some applications need', async ([entry, unwanted]) => {
  const loaded = await loadedBy(entry);
  expect(
    loaded.filter((name) => unwanted.some((it) => it === name)),
    `All packages that importing ${entry} loads: ${loaded.join(', ')}`,
  ).toEqual([]);
});

// Each thread imports this entry: Nest would take ten times as long to load and four times the memory.
test('importing the entry ./task loads no package', async () => {
  expect(await loadedBy('./task')).toEqual([]);
});

/**
 * The most bytes that an entry may load when it is imported: minified, compressed by gzip, without peer dependencies.
 * Each bound is about 10 % above the size of version 0.1.0. An application that bundles for a serverless platform pays
 * for these bytes at each cold start. Raise a bound for a feature that most applications use. Import other code when
 * it is needed.
 */
const bounds: Record<string, number> = {
  '.': 40_500,
  './task': 3_850,
  './bullmq': 31_500,
};

test('each entry stays within the bound of its size', async () => {
  const peers = Object.keys(manifest.peerDependencies);
  const sizes = [];
  for (const [entry, target] of Object.entries(manifest.exports)) {
    if (typeof target !== 'string') {
      sizes.push({ entry, ...(await bundleEntry(join(installed(), target.default), peers)) });
    }
  }
  const lines = sizes.map(({ entry, minified, gzip, gzipLater }) =>
    [entry.padEnd(10), ...[minified, gzip, bounds[entry] ?? 0, gzipLater].map((it) => String(it).padStart(9))].join(''),
  );
  const head = `${'entry'.padEnd(10)} minified     gzip    bound    later`;
  process.stdout.write(`${[head, ...lines].join('\n')}\n`);
  expect(sizes.map(({ entry }) => entry)).toEqual(Object.keys(bounds));
  expect(sizes.filter(({ entry, gzip }) => gzip > bounds[entry]!)).toEqual([]);
});

test('the package contains what is built from lib, the docs, and no other file', async () => {
  const filesIn = async (path: string) =>
    (await readdir(path, { recursive: true, withFileTypes: true }))
      .filter((it) => it.isFile())
      .map((it) => join(it.parentPath, it.name).slice(path.length + 1));
  const root = join(import.meta.dirname, '..');
  const built = (await filesIn(join(root, 'lib'))).flatMap((file) => {
    const [, name, m] = /^(.*)\.([cm]?)[jt]s$/.exec(file)!;
    return [`${name}.${m}js`, `${name}.${m}js.map`, `${name}.d.${m}ts`].map((it) => join('dist', it));
  });
  const docs = (await filesIn(join(root, 'docs'))).map((it) => join('docs', it));
  const others = ['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'];
  expect(docs.filter((it) => !it.endsWith('.md'))).toEqual([]);
  expect((await filesIn(installed())).toSorted()).toEqual([...built, ...docs, ...others].toSorted());
});
