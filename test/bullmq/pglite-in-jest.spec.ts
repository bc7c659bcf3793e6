import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createContext, Script } from 'node:vm';
import { expect, onTestFinished, test, vi } from 'vitest';
import { resolveBullMqOptions } from '../../lib/bullmq/bullmq-tasks.options.ts';
import type { Pglite } from '../../lib/bullmq/store/pglite/pglite.types.ts';
import { loadStorePackages } from '../../lib/bullmq/store/store-packages.ts';

const file = new URL('../../lib/bullmq/store/pglite/load-pglite.cjs', import.meta.url);

/** Runs a CommonJS module as Jest does: in a context of its own, in which `import()` fails. */
function runAsJest(code: string): Record<string, () => Promise<unknown>> {
  const module = { exports: {} };
  const context = createContext({ process });
  const run = new Script(`(function (exports, require, __filename) {${code}\n})`).runInContext(context) as (
    ...args: unknown[]
  ) => void;
  run(module.exports, createRequire(file), file.pathname);
  return module.exports;
}

async function answerOf({ PGlite }: Pglite): Promise<unknown> {
  const db = await PGlite.create({ parsers: {}, startParams: [...PGlite.defaultStartParams] });
  onTestFinished(() => db.close());
  return (await db.query('select 1 + 1 as two', [])).rows;
}

test('PGlite starts although Jest’s contexts can’t import', async () => {
  await expect(runAsJest(`exports.load = () => import('node:fs')`)['load']!()).rejects.toThrow(/import callback/);
  const pglite = await runAsJest(await readFile(file, 'utf8'))['importOutsideJest']!();
  expect(await answerOf(pglite as Pglite)).toEqual([{ two: 2 }]);
});

test('under Jest it is loaded this way', async () => {
  vi.stubEnv('JEST_WORKER_ID', '1');
  onTestFinished(() => void vi.unstubAllEnvs());
  vi.doMock('@electric-sql/pglite', () => {
    throw new Error('imported in the context of the test');
  });
  onTestFinished(() => vi.doUnmock('@electric-sql/pglite'));
  const { pglite } = await loadStorePackages(resolveBullMqOptions({ connection: 'pglite:' }));
  expect(await answerOf(pglite!)).toEqual([{ two: 2 }]);
});
