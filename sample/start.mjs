/*
 * Builds the package and a sample, and starts it: `npm start` the shop, `npm start 01` another one by its number, and
 * `npm start 04 worker` the second process of a sample that has one.
 */
import { execFileSync, execSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const root = join(import.meta.dirname, '..');
const [number = '10', entry = 'main'] = process.argv.slice(2);
const { projects } = JSON.parse(readFileSync(join(root, 'nest-cli.json'), 'utf8'));
const samples = Object.entries(projects).map(([name, project]) => ({ name, folder: project.root }));
const sample = samples.find(({ folder }) => folder.startsWith(`sample/${number}-`));
if (!sample) {
  console.error(`npm start: expected a sample of ${samples.map((it) => it.folder).join(', ')}, got ${number}.`);
  process.exit(1);
}
const built = join(root, sample.folder, 'dist', `${entry}.js`);
// A worker runs what its web process has built: building again would remove the files of both.
if (entry === 'main' || !existsSync(built)) {
  execSync('npm run build', { cwd: root, stdio: 'inherit' });
  const nest = join(root, 'node_modules/@nestjs/cli/bin/nest.js');
  execFileSync(process.execPath, [nest, 'build', sample.name], { cwd: root, stdio: 'inherit' });
}
// In this process, so that signals reach it.
await import(pathToFileURL(built).href);
