import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { INSTALL_TIMEOUT, installPackage } from '../fixtures/install-package.ts';

const run = promisify(execFile);
const here = join(import.meta.dirname, 'sentry');
const nodeModules = join(here, 'node_modules');

interface SpanJson {
  readonly span_id: string;
  readonly parent_span_id?: string;
  readonly trace_id: string;
  readonly status?: string;
}

interface Sent {
  readonly transactions: readonly (SpanJson & { name: string; spans: readonly SpanJson[] })[];
  readonly errors: readonly { message: string; trace_id: string; tags: object }[];
}

const isInstalled = existsSync(nodeModules) || process.env['REQUIRE_SERVICES'] === '1';

// A process of its own, because Sentry patches Node's modules.
describe.skipIf(!isInstalled)("beside Sentry's SDK (`npm ci --prefix test/otel/sentry` brings it)", () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sentry-'));
    await installPackage(folder, nodeModules);
    for (const file of ['package.json', 'instrument.mjs', 'app.mjs']) {
      await cp(join(here, file), join(folder, file));
    }
  }, INSTALL_TIMEOUT);

  afterAll(() => rm(folder, { recursive: true }));

  async function send(...args: string[]): Promise<Sent> {
    const { stdout } = await run(process.execPath, ['--import', './instrument.mjs', 'app.mjs', ...args], {
      cwd: folder,
      timeout: 60_000,
    });
    return JSON.parse(stdout) as Sent;
  }

  test(
    'a request and its tasks are one trace, and an error of a task is sent only if the application captures it',
    { timeout: 120_000 },
    async () => {
      const { transactions, errors } = await send();
      const of = (name: string) => transactions.filter((it) => it.name === name);
      const [request, ...others] = of('POST /orders');
      expect(others).toEqual([]);
      expect(of('task notify')).toMatchObject([{ trace_id: request!.trace_id, status: 'ok' }]);
      expect(of('task charge')).toMatchObject([{ trace_id: request!.trace_id, status: 'internal_error' }]);
      const ofRequest = [request!, ...request!.spans].map(({ span_id }) => span_id);
      expect(ofRequest).toContain(of('task notify')[0]!.parent_span_id);
      const [notified] = of('task notify');
      const mailed = [...of('send mail'), ...notified!.spans];
      expect(mailed.map(({ parent_span_id }) => parent_span_id)).toEqual([notified!.span_id]);
      expect(errors).toEqual([]);
    },
  );

  test('an error that a subscriber captures is sent once, in the trace', { timeout: 120_000 }, async () => {
    const { transactions, errors } = await send('--capture');
    const request = transactions.find(({ name }) => name === 'POST /orders');
    expect(errors).toMatchObject([{ message: 'declined', trace_id: request!.trace_id, tags: { task: 'charge' } }]);
  });
});
