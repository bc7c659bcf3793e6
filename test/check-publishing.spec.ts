import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { missingFor } from '../scripts/check-publishing.mjs';

const root = join(import.meta.dirname, '..');
const manifest = {
  version: '1.2.3',
  repository: { type: 'git', url: 'git+https://github.com/ada/tasks.git' },
  homepage: 'https://tasks.example.com',
  bugs: { url: 'https://github.com/ada/tasks/issues' },
};
const changelog = '# Changelog\n\n## [1.2.3] - 2026-12-01\n\n### Added\n';

test('a package whose fields are filled in is ready', () => {
  expect(missingFor(manifest, changelog)).toEqual([]);
});

test.each(['repository', 'homepage', 'bugs'])(
  'a package without %s is not ready, and the error names the field',
  (name) => {
    const [message, ...others] = missingFor({ ...manifest, [name]: undefined }, changelog);
    expect(message).toMatch(new RegExp(`^package\\.json: expected "${name}": .*, got nothing\\. Fill it in\\.$`));
    expect(others).toEqual([]);
  },
);

test('an empty field, or one of another kind, is not ready', () => {
  const wrong = { ...manifest, repository: { type: 'git', url: '' }, homepage: 'tasks', bugs: 'ada' };
  expect(missingFor(wrong, changelog)).toHaveLength(3);
});

test.each(['## [1.2.3] - unreleased', '## [1.2.30] - 2026-12-01', '## [Unreleased]'])(
  'a version that the changelog does not date is not ready: %s',
  (heading) => {
    expect(missingFor(manifest, `# Changelog\n\n${heading}\n`)).toEqual([
      'CHANGELOG.md: expected the heading "## [1.2.3] - <year-month-day>". Date the version.',
    ]);
  },
);

test('npm publish runs the check', async () => {
  const { scripts, ...own } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  expect(scripts['prepublishOnly']).toBe('node scripts/check-publishing.mjs');
  const missing = missingFor(own, await readFile(join(root, 'CHANGELOG.md'), 'utf8'));
  const run = promisify(execFile)('node', ['scripts/check-publishing.mjs'], { cwd: root });
  const printed = await run.then(
    () => '',
    ({ stderr }: { stderr: string }) => stderr,
  );
  expect(printed.split('\n').filter((line) => line.includes('expected'))).toEqual(missing);
});
