// @ts-check
// Checks what has to be filled in before the package is published: `npm publish` runs it first (`prepublishOnly`).
// The one place for addresses is package.json.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What each field has to look like. */
const fields = {
  repository: {
    read: (/** @type {any} */ it) => it?.url,
    pattern: /^git\+https:\/\/.+\.git$/,
    example: '{ "type": "git", "url": "git+https://github.com/<owner>/<name>.git" }',
  },
  homepage: {
    read: (/** @type {any} */ it) => it,
    pattern: /^https:\/\/./,
    example: '"https://<address of the documentation>"',
  },
  bugs: {
    read: (/** @type {any} */ it) => it?.url,
    pattern: /^https:\/\/./,
    example: '{ "url": "https://github.com/<owner>/<name>/issues" }',
  },
};

/**
 * @param {Record<string, unknown>} manifest the content of package.json
 * @param {string} changelog the content of CHANGELOG.md
 * @returns {string[]} what is missing, each with its remedy
 */
export function missingFor(manifest, changelog) {
  const missing = Object.entries(fields)
    .filter(([name, { read, pattern }]) => !pattern.test(String(read(manifest[name]))))
    .map(([name, { example }]) => {
      const got = JSON.stringify(manifest[name]) ?? 'nothing';
      return `package.json: expected "${name}": ${example}, got ${got}. Fill it in.`;
    });
  const version = String(manifest['version']);
  if (!new RegExp(`^## \\[${version.replaceAll('.', '\\.')}\\] - \\d{4}-\\d\\d-\\d\\d$`, 'm').test(changelog)) {
    missing.push(`CHANGELOG.md: expected the heading "## [${version}] - <year-month-day>". Date the version.`);
  }
  return missing;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = join(import.meta.dirname, '..');
  const [manifest, changelog] = await Promise.all(
    ['package.json', 'CHANGELOG.md'].map((name) => readFile(join(root, name), 'utf8')),
  );
  const missing = missingFor(JSON.parse(manifest ?? ''), changelog ?? '');
  if (missing.length > 0) {
    process.stderr.write(`This package is not ready to be published:\n\n${missing.join('\n')}\n\nSee RELEASING.md.\n`);
    process.exitCode = 1;
  }
}
