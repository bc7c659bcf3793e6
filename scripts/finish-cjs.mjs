// @ts-check
// Finishes the CommonJS build, after tsc has written it: `npm run build`.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

const root = join(import.meta.dirname, '..');
const cjs = join(root, 'dist/cjs');

// The package itself is "type": "module".
await writeFile(join(cjs, 'package.json'), `${JSON.stringify({ type: 'commonjs', sideEffects: false }, null, 2)}\n`);

// Jest can't `require` ESM, so the files that import packages which are only ESM become bundles with these packages.
const vendor = join(root, 'lib/vendor');
const input = (await readdir(vendor)).map((file) => join(vendor, file));
const bundle = await rolldown({ input, platform: 'node', logLevel: 'warn' });
const { output } = await bundle.write({
  dir: join(cjs, 'vendor'),
  format: 'cjs',
  esModule: true,
  comments: { legal: true, annotation: false, jsdoc: false },
});

/** By name: the text of its license, which must be where the package's code is. */
const licenses = new Map();
for (const id of output.flatMap((chunk) => (chunk.type === 'chunk' ? chunk.moduleIds : []))) {
  const [, folder, name] = /^(.*\/node_modules\/((?:@[^/]+\/)?[^/]+))\//.exec(id) ?? [];
  if (folder && !licenses.has(name)) {
    const file = (await readdir(folder)).find((it) => /^licen[cs]e/i.test(it));
    if (!file) {
      throw new Error(`${folder} has no license file`);
    }
    licenses.set(name, (await readFile(join(folder, file), 'utf8')).trim());
  }
}
const texts = [...licenses].map(([name, text]) => `# ${name}\n\n${text}\n`);
await writeFile(join(cjs, 'vendor/LICENSES.md'), texts.join('\n'));
