import assert from 'node:assert/strict';
import { cp, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './child.mjs';

const here = import.meta.dirname;
const root = join(here, '../..');

const readJson = async (...path) => JSON.parse(await readFile(join(...path), 'utf8'));

/** @returns {Promise<string>} the tarball of the package, as npm publishes it */
export async function pack({ temp, signal }) {
  await run('npm', ['pack', '--pack-destination', temp], { cwd: root, temp, signal });
  const { name, version } = await readJson(root, 'package.json');
  return join(temp, `${name}-${version}.tgz`);
}

/** Installs the lock file of the folder `name`, then the package, as a user does. All cells of the folder share it. */
export async function install(name, tarball, { folder, ...where }) {
  const cwd = join(folder, name);
  await cp(join(here, name), cwd, { recursive: true, filter: (path) => !path.includes('node_modules', here.length) });
  const npm = (...args) =>
    run('npm', [...args, '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'], { cwd, ...where });
  await npm('ci');
  await npm('install', '--no-save', tarball);
  // npm can change pinned versions when it installs one more package.
  const { dependencies, devDependencies } = await readJson(cwd, 'package.json');
  for (const [dependency, pinned] of Object.entries({ ...dependencies, ...devDependencies })) {
    const { version } = await readJson(cwd, 'node_modules', dependency, 'package.json');
    assert.equal(version, pinned, `${name} has ${dependency} ${version} installed instead of ${pinned}`);
  }
}

/**
 * Copies the application, in one module system, into a folder below the dependencies that it uses.
 *
 * @returns {Promise<string>} its folder
 */
export async function layOut({ install: name, system, runner }, folder) {
  const app = join(folder, name, system);
  await mkdir(app);
  for (const part of ['app', system, ...(runner ? [runner.folder] : [])]) {
    await cp(join(here, part), join(app, part), { recursive: true });
  }
  await cp(join(here, system, 'package.json'), join(app, 'package.json'));
  await cp(join(here, name, 'tsconfig.json'), join(app, 'tsconfig.json'));
  return app;
}

/** Compiles an application so that it can be served. Test runners compile by themselves. */
export function build(app, where) {
  return run(process.execPath, ['../node_modules/typescript/bin/tsc', '-p', '.'], { cwd: app, ...where });
}
