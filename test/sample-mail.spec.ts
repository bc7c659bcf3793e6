import { NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { TaskRecord } from 'nestjs-background-tasks';
import { mountBoard } from '../sample/04-mail/src/board.ts';
import { WebModule } from '../sample/04-mail/src/web.module.ts';
import { WorkerModule } from '../sample/04-mail/src/worker.module.ts';
import { ownPrefix, stopStores, stores } from './fixtures/queue-stores.ts';
import { RecordingLogger } from './fixtures/recording-logger.ts';

/** The part of the board's answer that the test reads. */
interface BoardQueue {
  name: string;
  counts: { waiting: number; completed: number; failed: number };
  jobs: { id: string; name: string; data: { args: { json: unknown[] } }; failedReason?: string }[];
}

stopStores();

async function startWeb() {
  const module = await Test.createTestingModule({ imports: [WebModule] })
    .setLogger(new RecordingLogger())
    .compile();
  const app = module.createNestApplication();
  mountBoard(app);
  await app.listen(0, '127.0.0.1');
  onTestFinished(() => app.close());
  const url = await app.getUrl();

  const send = async (method: string, path: string, body?: object) => {
    const headers = body && { 'content-type': 'application/json' };
    const response = await fetch(`${url}${path}`, { method, headers, body: body && JSON.stringify(body) });
    const text = await response.text();
    return { status: response.status, body: (text && JSON.parse(text)) as unknown };
  };
  const add = async (path: string, body?: object) => {
    const response = await send('POST', path, body);
    return { status: response.status, ...(response.body as { taskId: string }) };
  };
  const find = async (id: string) => (await send('GET', `/tasks/${id}`)).body as TaskRecord;
  const board = async (queue: string, status: string) => {
    const path = `/queues/api/queues?activeQueue=${queue}&status=${status}&page=1&jobsPerPage=10`;
    const { queues } = (await send('GET', path)).body as { queues: BoardQueue[] };
    return queues;
  };
  return { url, send, add, find, board };
}

async function startWorker(): Promise<RecordingLogger> {
  const log = new RecordingLogger();
  const app = await NestFactory.createApplicationContext(WorkerModule, { logger: log });
  onTestFinished(() => app.close());
  return log;
}

const said = (log: RecordingLogger, text: string) => log.entries.filter(({ message }) => message.includes(text)).length;

describe.each(stores)('on $name', ({ connection }) => {
  function useOwnServer() {
    vi.stubEnv('TASKS_CONNECTION', connection);
    vi.stubEnv('TASKS_PREFIX', ownPrefix());
    onTestFinished(() => void vi.unstubAllEnvs());
  }

  test('tasks of the web process wait on the board until a worker runs them', async () => {
    useOwnServer();
    const { url, send, add, find, board } = await startWeb();
    const mail = await add('/signups', { email: 'ada@example.com' });
    const report = await add('/reports?orders=100000');
    expect([mail.status, report.status]).toEqual([201, 202]);
    expect((await send('POST', '/signups', { email: 'nobody' })).status).toBe(400);
    expect(await find(mail.taskId)).toMatchObject({ name: 'Mailer.sendWelcome', status: 'pending' });

    const page = await fetch(`${url}/queues`);
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(await page.text()).toContain('<base href="/queues/"');
    const waiting = await board('mail', 'waiting');
    expect(waiting.map(({ name, counts }) => [name, counts.waiting])).toEqual([
      ['mail', 1],
      ['reports', 1],
    ]);
    expect(waiting[0]!.jobs[0]).toMatchObject({
      id: mail.taskId,
      name: 'Mailer.sendWelcome',
      data: { args: { json: ['ada@example.com', expect.stringMatching(/^\d{4}-.*Z$/)] } },
    });

    const log = await startWorker();
    await expect
      .poll(() => find(mail.taskId), { timeout: 10_000 })
      .toMatchObject({ status: 'completed', attempts: 1, result: { sentTo: 'ada@example.com' } });
    expect(said(log, 'To ada@example.com: welcome')).toBe(1);
    await expect
      .poll(() => find(report.taskId), { timeout: 10_000 })
      .toMatchObject({ status: 'completed', result: { orders: 100_000 } });
    expect((await send('GET', '/tasks/5c9a6a4e-5d1e-4a0c-8a0e-000000000000')).status).toBe(404);
  });

  test('the board corrects and retries a mail that failed', async () => {
    useOwnServer();
    const { send, add, find, board } = await startWeb();
    const log = await startWorker();
    const { taskId } = await add('/signups', { email: 'fail@example.com' });
    await expect.poll(() => find(taskId), { timeout: 10_000 }).toMatchObject({ status: 'failed', attempts: 3 });
    const [mail] = await board('mail', 'failed');
    expect(mail).toMatchObject({
      counts: { failed: 1 },
      jobs: [{ id: taskId, failedReason: '550 fail@example.com: there is no such mailbox' }],
    });

    const job = `/queues/api/queues/mail/${taskId}`;
    const { data } = mail!.jobs[0]!;
    data.args.json[0] = 'grace@example.com';
    expect((await send('PATCH', `${job}/update-data`, { jobData: data })).status).toBe(200);
    expect((await send('PUT', `${job}/retry`)).status).toBe(204);
    await expect
      .poll(() => find(taskId), { timeout: 10_000 })
      .toMatchObject({ status: 'completed', attempts: 4, result: { sentTo: 'grace@example.com' } });
    expect((await send('GET', job)).body).toMatchObject({ status: 'completed', job: { id: taskId } });
    expect(said(log, 'To grace@example.com: welcome')).toBe(1);
  });
});
