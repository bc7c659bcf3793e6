import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The sources: from `src` itself, and from `dist`. */
const sources = join(import.meta.dirname, '../../src');

/**
 * Cuts the parts between `// #region name` and `// #endregion` out of a source file, so that the page shows what runs.
 *
 * @throws Error if the file has no such region
 */
export function regionOf(file: string, name: string): string {
  const regions: string[] = [];
  let region: string[] | undefined;
  for (const line of readFileSync(join(sources, file), 'utf8').split('\n')) {
    if (line.trim() === `// #region ${name}`) {
      region = [];
    } else if (region && line.trim() === '// #endregion') {
      regions.push(withoutIndent(region));
      region = undefined;
    } else {
      region?.push(line);
    }
  }
  if (regions.length === 0) {
    throw new Error(`${file}: expected a region "${name}", found none`);
  }
  return regions.join('\n\n');
}

function withoutIndent(lines: readonly string[]): string {
  const indent = Math.min(...lines.filter((line) => line !== '').map((line) => line.search(/\S/)));
  return lines.map((line) => line.slice(indent)).join('\n');
}
