import { type EventEmitter, once } from 'node:events';
import { type IncomingMessage, request, type RequestOptions } from 'node:http';
import { text } from 'node:stream/consumers';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { describe, expect, test } from 'vitest';
import { BackgroundTasksDashboardModule } from 'nestjs-background-tasks/dashboard';
import { exchangeOf } from '../../lib/dashboard/http/exchange.ts';
import { openDashboard, ownPage, platforms, startDashboard } from './start-dashboard.ts';

/** Sends what `fetch` would refuse or normalize. */
async function send(port: number, options: RequestOptions, body = ''): Promise<{ status: number; body: string }> {
  const sent = request({ host: '127.0.0.1', port, agent: false, ...options });
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return { status: response.statusCode!, body: await text(response) };
}

describe.each(platforms)('on %s', (platform) => {
  test.each([
    '/assets/..%2findex.html',
    '/assets/%2e%2e%2findex.html',
    '/assets/..%252findex.html',
    '/assets/../index.html',
    '/assets/..%5cindex.html',
    '/assets/%00',
    '/assets/__proto__',
    '/assets/constructor',
    '/assets//etc/passwd',
    '/assets/%2fetc%2fpasswd',
    `/assets/${'a'.repeat(4_000)}`,
    '/assets/%E0%A4%A',
  ])('no file but those of the page: %s', async (path) => {
    const { port } = await startDashboard({ platform });
    const { status, body } = await send(port, { path: `/background-tasks${path}` });
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(body).not.toMatch(/<!doctype|root:/);
  });

  test.each([
    ['GET', '/API/overview'],
    ['HEAD', '/api/overview'],
    ['HEAD', '/api/events'],
    ['GET', '/api/overview/'],
    ['GET', '/%61pi/overview'],
    ['POST', '/api/tasks/retry/'],
    ['PUT', '/api/tasks'],
    ['DELETE', '/api/tasks'],
    ['TRACE', '/api/tasks'],
  ])('guards protect %s %s', async (method, path) => {
    const dashboard = BackgroundTasksDashboardModule.forRoot({ guards: [{ canActivate: () => false }] });
    const { port } = await startDashboard({ platform, dashboard });
    const headers = { 'x-http-method-override': 'GET', ...ownPage };
    const { status, body } = await send(port, { method, path: `/background-tasks${path}`, headers });
    // A platform that has no such route doesn't ask the guards.
    expect([400, 403, 404]).toContain(status);
    expect(body).not.toContain('"stats"');
  });

  test('another site reads nothing, although the application lets it read its own routes', async () => {
    const { get } = await startDashboard({
      platform,
      configure: (app) => app.enableCors({ origin: true, credentials: true }),
    });
    for (const at of ['', '/api/overview', '/api/tasks', '/assets/page-1a2b3c.js']) {
      const { headers } = await get(at, { origin: 'https://evil.test' });
      expect(headers.get('access-control-allow-origin'), at).toBeNull();
      expect(headers.get('access-control-allow-credentials'), at).toBeNull();
      expect(headers.get('cross-origin-resource-policy'), at).toBe('same-origin');
    }
  });

  test('a body that is too large is a 413, also without a parser', async () => {
    const { port } = await startDashboard({ platform, application: { bodyParser: false } });
    const path = '/background-tasks/api/tasks/retry';
    const headers = { ...ownPage, 'transfer-encoding': 'chunked' };
    const body = JSON.stringify({ queue: 'x'.repeat(3_000_000) });
    expect((await send(port, { method: 'POST', path, headers }, body)).status).toBe(413);
  });

  test('a client that leaves in the middle of its body is no failure', async () => {
    const { app, port, post, log } = await startDashboard({ platform, application: { bodyParser: false } });
    const sent = request({
      host: '127.0.0.1',
      port,
      agent: false,
      method: 'POST',
      path: '/background-tasks/api/tasks/retry',
      headers: { ...ownPage, 'content-length': 100 },
    });
    sent.on('error', () => undefined);
    const [arrived] = (await Promise.all([
      once(app.getHttpServer() as EventEmitter, 'request'),
      new Promise((resolve) => sent.write('{"queue"', resolve)),
    ])) as [[IncomingMessage], unknown];
    await expect.poll(() => arrived[0].readableFlowing).not.toBeNull();
    sent.destroy();
    await expect.poll(() => arrived[0].destroyed).toBe(true);
    // The answer to another request comes after that to the first one.
    expect((await post('/api/tasks/retry', {})).status).toBe(400);
    expect(log.said('error')).toEqual([]);
  });

  test.each(['null', '[]', '"text"', '1', '{"queue":{}}', '{"queue":"__proto__"}', '{"__proto__":{"queue":"a"}}', '{'])(
    'the body %s is refused, with any parser',
    async (body) => {
      for (const rawParser of [false, true]) {
        const { port, log } = await startDashboard({
          platform,
          application: { bodyParser: false },
          configure: (app) => {
            if (rawParser && platform === 'Express') {
              (app as NestExpressApplication).useBodyParser('raw', { type: '*/*' });
            }
          },
        });
        const path = '/background-tasks/api/tasks/retry';
        const { status } = await send(port, { method: 'POST', path, headers: { ...ownPage } }, body);
        expect([400, 404]).toContain(status);
        expect(log.said('error')).toEqual([]);
      }
    },
  );

  test.each(['__proto__', 'constructor', 'toString'])('%s is a name like any other', async (name) => {
    const { json, get, post, runner } = await startDashboard({ platform });
    const task = runner.with({ name }).start(() => undefined);
    await task.settled();
    const { stats } = await json<{ stats: { byName: object } }>('/api/overview');
    expect(Object.entries(stats.byName).map(([key, it]) => [key, it.completed])).toEqual([[name, 1]]);
    expect(await json(`/api/tasks?name=${name}`)).toMatchObject({ total: 1, tasks: [{ id: task.id, name }] });
    expect((await get(`/api/tasks?queue=${name}`)).status).toBe(404);
    expect((await post(`/api/queues/${name}/pause`)).status).toBe(404);
  });

  test('the form of another site does nothing, whatever its type of body', async () => {
    const { post, runner } = await startDashboard({ platform, dashboard: openDashboard() });
    const task = runner.with({ delay: 60_000 }).start(() => undefined);
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      const headers = { 'content-type': type, origin: 'https://evil.test' };
      expect((await post(`/api/tasks/${task.id}/cancel`, {}, headers)).status).not.toBe(200);
    }
    expect(task.status).toBe('pending');
  });
});

test('an address with another host or two slashes leads the page nowhere else', async () => {
  const { port } = await startDashboard({ platform: 'Express' });
  const base = async (path: string) => /data-base="(.*?)"/.exec((await send(port, { path })).body)?.[1];
  expect(await base('http://evil.test/background-tasks/tasks')).toBe('/background-tasks');
  // Fastify answers it with its option `ignoreDuplicateSlashes`.
  expect(exchangeOf({ url: '//background-tasks/tasks?a' }, {}).path).toBe('/background-tasks/tasks');
});

test('a path with signs of a replacement is shown as it is', async () => {
  const dashboard = BackgroundTasksDashboardModule.forRoot({ path: 'admin', guards: 'open' });
  const { port } = await startDashboard({ dashboard, configure: (app) => void app.setGlobalPrefix(':tenant') });
  const { body } = await send(port, { path: "/a$&$'$$/admin/tasks" });
  expect(/data-base="(.*?)"/.exec(body)?.[1]).toBe('/a$&#38;$&#39;$$/admin');
});
