// A page of docs/coming-from compares another tool with this package, in tables and in pairs of examples. Its spec runs
// each row of the tables, and holds the code of each example.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { expect, test, type TestContext } from 'vitest';

const NOTHING = '**Nothing.**';

interface Row {
  theirs: string;
  ours: string;
}

/** The rows of all tables, without their heads. */
function rowsOf(page: string): Row[] {
  const tables = page.match(/(?:^\|.*\n)+/gm) ?? [];
  return tables.flatMap((table) =>
    table
      .trimEnd()
      .split('\n')
      .slice(2)
      .map((line) => {
        const [, theirs, ours] = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
        return { theirs: theirs!, ours: ours! };
      }),
  );
}

/** Code is the same whatever its layout. */
const normalized = (code: string) =>
  code
    .replaceAll(/\s|this\./g, '')
    .replaceAll('"', "'")
    .replaceAll(/,([)}\]])/g, '$1');

const withoutImports = (code: string) => code.replace(/^(?:import [^;]*;\n)+\n*/, '');

const regionsOf = (source: string) =>
  Array.from(source.matchAll(/^( *)\/\/ #region [^\n]*\n(.*?)^ *\/\/ #endregion$/gms), ([, indent, code]) =>
    code!.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  );

/** The spec of one page. `row` runs one row of a table; `check` compares the page with the spec, at its end. */
export function comingFrom(name: string) {
  const page = readFileSync(`docs/coming-from/${name}.md`, 'utf8');
  const spec = readFileSync(`test/coming-from/${name}.spec.ts`, 'utf8');
  const folder = join('test/coming-from', name);
  const files = readdirSync('test/coming-from').includes(name)
    ? readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8'))
    : [];
  const tested: string[] = [];
  // Units log to the console what fails in them.
  Logger.overrideLogger(false);

  const row = (theirs: string, run: (context: TestContext) => unknown) => {
    tested.push(theirs);
    test(theirs, async (context) => {
      await run(context);
    });
  };

  const check = () => {
    const rows = rowsOf(page).filter(({ ours }) => !ours.startsWith(NOTHING));

    test('each row of the page has a test', () => {
      expect(rows.map(({ theirs }) => theirs)).toEqual(tested);
    });

    test('the tests have the code of each row', () => {
      const all = [spec, ...files].map(normalized).join('\n');
      const spans = rows.flatMap(({ ours }) => Array.from(ours.matchAll(/`([^`]+)`/g), ([, code]) => code!));
      expect(spans.filter((code) => !all.includes(normalized(code)))).toEqual([]);
    });

    test('the page has the examples of the tests, and no others', () => {
      const blocks = Array.from(page.matchAll(/^```ts\n(.*?)^```$/gms), ([, code]) => withoutImports(code!));
      const examples = [...files.map(withoutImports), ...regionsOf(spec)];
      expect(blocks.filter((block) => !examples.includes(block))).toEqual([]);
      expect(examples.filter((example) => !blocks.includes(example))).toEqual([]);
    });
  };

  return { row, check };
}
