import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The repository. */
export const root = join(import.meta.dirname, '../..');

/** A code block of a page. */
export interface Block {
  /** The page, from the root of the repository. */
  readonly page: string;
  /** The line of the page on which the code begins, from 1. */
  readonly line: number;
  readonly language: string;
  readonly code: string;
  /** The path in the comment on the first line, if the block is a whole file. */
  readonly path: string | undefined;
}

/** The pages that users read. */
export const pages: readonly string[] = ['README.md', ...pagesIn('docs'), ...pagesIn('docs/coming-from')].filter(
  (it) => it !== 'docs/architecture.md',
);

function pagesIn(folder: string): string[] {
  const path = join(root, folder);
  const files = existsSync(path) ? readdirSync(path) : [];
  return files
    .filter((it) => it.endsWith('.md'))
    .toSorted()
    .map((it) => `${folder}/${it}`);
}

export const textOf = (page: string): string => readFileSync(join(root, page), 'utf8');

/** The code blocks of a page, in their order. */
export function blocksOf(page: string): Block[] {
  const text = textOf(page);
  return Array.from(text.matchAll(/^( *)```(\w+)[^\n]*\n(.*?)^ *```$/gms), (match) => {
    const [, indent = '', language = '', indented = ''] = match;
    const code = indented.replaceAll(new RegExp(`^${indent}`, 'gm'), '');
    return {
      page,
      line: text.slice(0, match.index).split('\n').length + 1,
      language,
      code,
      path: /^\/\/ (\S+\.[cm]?[jt]s)\n/.exec(code)?.[1],
    };
  });
}

/** The whole files that a page shows, by their paths. */
export function filesOf(page: string): Record<string, string> {
  const files = blocksOf(page).filter(({ path }) => path);
  return Object.fromEntries(files.map(({ path, code }) => [path, code]));
}
