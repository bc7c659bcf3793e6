import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import { Test } from '@nestjs/testing';
import { expect, onTestFinished, test } from 'vitest';
import { AppModule } from '../sample/05-observed/src/app.module.ts';
import { startTracing } from '../sample/05-observed/src/tracing.ts';
import type { Overview, TaskPage } from '../lib/dashboard/dashboard.api.ts';
import { PAGE_FOLDER } from '../lib/dashboard/http/page-files.ts';
import { RecordingLogger } from './fixtures/recording-logger.ts';

const ownPage = { 'sec-fetch-site': 'same-origin' };

// PGlite takes its time to start.
test('one order shows everything: in spans, in metrics and on the dashboard', { timeout: 120_000 }, async () => {
  const lines: string[] = [];
  const instrumentation = startTracing((line) => lines.push(line));
  onTestFinished(() => instrumentation.disable());
  const module = await Test.createTestingModule({ imports: [AppModule] })
    .overrideProvider(PAGE_FOLDER)
    .useValue(join(import.meta.dirname, 'fixtures/dashboard-page'))
    .setLogger(new RecordingLogger())
    .compile();
  const app = module.createNestApplication();
  await app.listen(0, '127.0.0.1');
  onTestFinished(() => app.close());
  const { port } = app.getHttpServer().address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const api = `${url}/background-tasks/api`;
  const json = async <T>(at: string) => (await (await fetch(`${api}${at}`)).json()) as T;
  const tasks = async () => (await json<TaskPage>('/tasks')).tasks;
  const taskNamed = async (name: string) => (await tasks()).find((it) => it.name === name);

  expect((await fetch(`${url}/orders/60`, { method: 'POST' })).status).toBe(202);
  const patient = { timeout: 60_000 };
  await expect.poll(() => taskNamed('Payments.capture'), patient).toMatchObject({ status: 'failed', attempts: 3 });
  await expect.poll(() => taskNamed('Shop.sendReceipt'), patient).toMatchObject({ status: 'completed', attempts: 2 });
  await expect.poll(() => taskNamed('Shop.importStock'), patient).toMatchObject({ status: 'completed' });
  await expect.poll(() => taskNamed('Shop.callPartner'), patient).toMatchObject({ status: 'failed' });
  await expect.poll(() => taskNamed('renderInvoice'), patient).toMatchObject({ status: 'completed', target: 'thread' });
  await expect.poll(() => taskNamed('Payments.closeTheBooks'), patient).toMatchObject({ queue: 'nightly' });
  const { id } = (await taskNamed('Payments.capture'))!;
  expect(await json(`/tasks/${id}`)).toMatchObject({ arguments: [60] });
  expect((await json<Overview>('/overview')).blocked).toMatchObject([{ name: 'Shop.computePrices' }]);

  expect((await fetch(`${api}/tasks/${id}/retry`, { method: 'POST', headers: ownPage })).status).toBe(200);
  await expect.poll(() => taskNamed('Payments.capture'), patient).toMatchObject({ status: 'completed' });

  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).toContain('background_tasks_run_seconds{task="Shop.computePrices",quantile="0.95"}');
  expect(metrics).toContain('background_tasks_queue_oldest_age_seconds{queue="payments"}');

  const trace = /^trace \w{8} · POST \/orders\/60 \(SERVER\)/.exec(lines.find((it) => it.includes('SERVER'))!)!;
  const ofRequest = trace[0].slice(0, 'trace 00000000'.length);
  for (const span of [
    `${ofRequest} · add payments (PRODUCER) · `,
    `${ofRequest} · task Shop.sendReceipt (INTERNAL) · attempt 1 · `,
    `${ofRequest} · task Shop.sendReceipt (INTERNAL) · attempt 2 · `,
    `${ofRequest} · task renderInvoice (INTERNAL) · attempt 1 · `,
  ]) {
    expect(lines.join('\n')).toContain(span);
  }
  expect(lines.find((it) => it.includes('task Shop.callPartner'))).toMatch(/ERROR The partner refuses order 60$/);
  const payments = lines.filter((it) => it.includes('process payments (CONSUMER)'));
  expect(payments.map((it) => /attempt (\d)/.exec(it)![1])).toEqual(['1', '2', '3', '1']);
  expect(payments[0]).toMatch(new RegExp(`linked to ${ofRequest} · ERROR The bank does not answer$`));
  expect(payments[3]).not.toContain('ERROR');
});
