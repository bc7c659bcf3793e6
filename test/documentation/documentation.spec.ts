import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { slugify } from '../../docs/.vitepress/slugify.ts';
import { compile } from './compile.ts';
import { blocksOf, filesOf, pages, root, textOf } from './pages.ts';

test('each block of TypeScript compiles', () => {
  // The code of docs/coming-from/ is compiled in its own specs, which have these pages' blocks as regions.
  const guides = pages.filter((page) => !page.startsWith('docs/coming-from/'));
  const blocks = guides.flatMap(blocksOf).filter(({ language }) => language === 'ts');
  expect(blocks.length).toBeGreaterThan(50);
  expect(compile(blocks)).toEqual([]);
  // The compiler reads the types of all packages, which takes a minute on a busy machine.
}, 240_000);

test('a block that does not compile is named by its page and line', () => {
  const block = { page: 'docs/x.md', line: 7, language: 'ts', path: undefined };
  const complete = "import { Task } from 'nestjs-background-tasks';\n\n@Injectable()\nclass X {}\n";
  expect(compile([{ ...block, code: complete }])).toEqual([
    expect.stringMatching(/^docs\/x.md:9: Cannot find name 'Injectable'/),
  ]);
  expect(compile([{ ...block, code: "tasks.addTask(this.mailer, 'sendWelcom', email);\n" }])).toEqual([
    expect.stringMatching(/^docs\/x.md:7: /),
  ]);
}, 240_000);

/** The anchors of the headings of a page. */
function anchorsOf(page: string): Set<string> {
  const text = textOf(page).replaceAll(/^ *```.*?^ *```$/gms, '');
  return new Set(Array.from(text.matchAll(/^#+ (.*)$/gm), ([, heading = '']) => slugify(heading)));
}

test.each([...pages, 'docs/architecture.md', 'CONTRIBUTING.md', 'CHANGELOG.md'])(
  'each link of %s leads somewhere',
  (page) => {
    const text = textOf(page).replaceAll(/^ *```.*?^ *```$/gms, '');
    const broken = Array.from(text.matchAll(/\]\(([^)\s]+)\)/g), ([, target = '']) => target)
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => {
        const [path = '', anchor] = target.split('#');
        const file = path === '' ? page : relative(root, join(root, dirname(page), path));
        // The site has only the pages of docs/.
        const isOnSite = !page.startsWith('docs/') || page === 'docs/architecture.md' || file.startsWith('docs/');
        return !isOnSite || !existsSync(join(root, file)) || (anchor !== undefined && !anchorsOf(file).has(anchor));
      });
    expect(broken).toEqual([]);
  },
);

test('the sidebar of the site has each page', () => {
  const config = readFileSync(join(root, 'docs/.vitepress/config.ts'), 'utf8');
  const missing = pages
    .filter((page) => /^docs\/[^/]+$/.test(page) && page !== 'docs/index.md')
    .filter((page) => !config.includes(`'${page.slice('docs/'.length, -'.md'.length)}'`));
  expect(missing).toEqual([]);
});

test('the README is short', () => {
  expect(textOf('README.md').split('\n').length).toBeLessThanOrEqual(251);
});

test('the README and docs/start.md have the same quick start', () => {
  expect(filesOf('docs/start.md')).toMatchObject(
    Object.fromEntries(Object.entries(filesOf('README.md')).filter(([path]) => path.startsWith('src/'))),
  );
});

test('the README and docs/concepts.md have the same table of versions', () => {
  const tableOf = (page: string) =>
    /^## Compatibility\n\n((?:\|.*\n)+)/m.exec(textOf(page))?.[1]?.replaceAll('docs/', '');
  const cells = (table = '') => table.split('\n').map((line) => line.split('|').map((cell) => cell.trim()));
  expect(cells(tableOf('README.md')).length).toBeGreaterThan(8);
  expect(cells(tableOf('docs/concepts.md'))).toEqual(cells(tableOf('README.md')));
});

test('lines of prose have at most 120 characters', () => {
  const long = pages.flatMap((page) =>
    textOf(page)
      .replaceAll(/^ *```.*?^ *```$/gms, '')
      .replace(/^---\n.*?^---\n/ms, '')
      .split('\n')
      .filter((line) => line.length > 120 && !/^\s*\||\]\(|`.*`/.test(line))
      .map((line) => `${page}: ${line}`),
  );
  expect(long).toEqual([]);
});

test('no page has a phrase that readers stumble over', () => {
  const phrases =
    /\b(of which|by whom|whichever|is to be|as ever|let go of|come to its end|all the same|none of ours)\b/i;
  expect(pages.filter((page) => phrases.test(textOf(page)))).toEqual([]);
});
