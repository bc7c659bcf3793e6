import { once } from 'node:events';
import { get, type Server } from 'node:http';
import { connect } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { expect, onTestFinished, test } from 'vitest';
import { BackgroundTasksModule } from 'nestjs-background-tasks';
import { BackgroundTasksDashboardModule } from 'nestjs-background-tasks/dashboard';
import { PAGE_FOLDER } from '../../lib/dashboard/http/page-files.ts';
import { LiveHub } from '../../lib/dashboard/live/live-hub.ts';
import { Gate } from '../fixtures/gate.ts';
import { RecordingLogger } from '../fixtures/recording-logger.ts';
import { pageFolder, startDashboard } from './start-dashboard.ts';

/** A dashboard whose `canAct` waits for the gate. */
function waiting() {
  const [asked, gate] = [new Gate(), new Gate()];
  const canAct = async () => {
    asked.open();
    await gate.opened;
    return true;
  };
  return { asked, gate, dashboard: BackgroundTasksDashboardModule.forRoot({ guards: 'open', canAct }) };
}

async function startHttp2(dashboard = BackgroundTasksDashboardModule.forRoot({ guards: 'open' })) {
  const module = await Test.createTestingModule({ imports: [BackgroundTasksModule.forRoot(), dashboard] })
    .overrideProvider(PAGE_FOLDER)
    .useValue(pageFolder)
    .setLogger(new RecordingLogger())
    .compile();
  const app = module.createNestApplication(new FastifyAdapter({ http2: true }));
  await app.listen(0, '127.0.0.1');
  onTestFinished(() => app.close());
  const { port } = app.getHttpServer().address() as AddressInfo;
  const client = connect(`http://127.0.0.1:${port}`);
  onTestFinished(() => client.destroy());
  const request = (path: string) => client.request({ ':path': `/background-tasks${path}` });
  return { app, hub: app.get(LiveHub, { strict: false }), request };
}

test('over HTTP/2, the stream tells what happens and ends with its client', async () => {
  const { hub, request } = await startHttp2();
  const stream = request('/api/events').setEncoding('utf8');
  let received = '';
  stream.on('data', (piece: string) => (received += piece));
  await expect.poll(() => received).toContain('event: update');
  expect(hub.size).toBe(1);
  stream.close();
  await expect.poll(() => hub.size).toBe(0);
});

test('over HTTP/2, a client that leaves before the stream begins is forgotten', async () => {
  const { asked, gate, dashboard } = waiting();
  const { hub, request } = await startHttp2(dashboard);
  const stream = request('/api/events');
  await asked.opened;
  stream.close();
  await once(stream, 'close');
  // The server has heard of it once it answers a later request.
  const later = request('/api/overview').resume();
  await once(later, 'end');
  gate.open();
  await new Promise(setImmediate);
  expect(hub.size).toBe(0);
});

test('over HTTP/1, a client that leaves before the stream begins is forgotten', async () => {
  const { asked, gate, dashboard } = waiting();
  const { app, path } = await startDashboard({ dashboard });
  const sent = get(`${path}/api/events`, { agent: false });
  sent.on('error', () => undefined);
  const server = app.getHttpServer() as Server;
  await asked.opened;
  sent.destroy();
  await expect.poll(() => new Promise<number>((resolve) => server.getConnections((_e, n) => resolve(n)))).toBe(0);
  gate.open();
  await new Promise(setImmediate);
  expect(app.get(LiveHub, { strict: false }).size).toBe(0);
});

test('an application that closes twice, or beside another, ends its own streams alone', async () => {
  const [first, second] = [await startDashboard(), await startDashboard()];
  const hubs = [first, second].map(({ app }) => app.get(LiveHub, { strict: false }));
  const streams = [first, second].map(({ path }) => get(`${path}/api/events`, { agent: false }, (it) => it.resume()));
  streams.forEach((stream) => stream.on('error', () => undefined));
  onTestFinished(() => streams.forEach((stream) => void stream.destroy()));
  await expect.poll(() => hubs.map(({ size }) => size)).toEqual([1, 1]);
  await Promise.all([first.app.close(), first.app.close()]);
  await first.app.close();
  expect(hubs.map(({ size }) => size)).toEqual([0, 1]);
  await second.runner.start(() => undefined).settled();
  expect((await second.get('/api/overview')).status).toBe(200);
});
