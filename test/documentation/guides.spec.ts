// The first example of each guide, and every recipe, as users paste them. What has a spec of its own is left out: the
// quick start (test/quick-start.spec.ts), testing, transactions, bundlers, and the recipes of figures.
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { dirname, join } from 'node:path';
import type { ModuleMetadata, Type } from '@nestjs/common';
import { ClientProxyFactory, type MicroserviceOptions, Transport } from '@nestjs/microservices';
import { WsAdapter } from '@nestjs/platform-ws';
import { Test, type TestingModule } from '@nestjs/testing';
import { lastValueFrom } from 'rxjs';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import {
  BackgroundTasksModule,
  TaskRegistry,
  TaskRunner,
  type BackgroundTask,
  type TaskRecord,
} from 'nestjs-background-tasks';
import { TestTasks, TestTasksModule } from 'nestjs-background-tasks/testing';
import { PAGE_FOLDER } from '../../lib/dashboard/http/page-files.ts';
import { pageFolder } from '../dashboard/start-dashboard.ts';
import { Gate } from '../fixtures/gate.ts';
import { startApp } from '../fixtures/start-app.ts';
import { filesOf } from './pages.ts';

type Module = Record<string, Type & ((...args: unknown[]) => Promise<unknown>)>;

let folder: string;

beforeAll(async () => {
  // In the repository, so that the files find its packages.
  folder = await mkdtemp(join(import.meta.dirname, 'pasted-'));
});

afterAll(() => rm(folder, { recursive: true }));

/** The pages whose files are written. A file that is written again is loaded again, and its classes are then others. */
const written = new Set<string>();

/** Writes the files of a page, and imports some of them. */
async function paste(page: string, ...names: string[]): Promise<Module> {
  const root = join(folder, page);
  if (!written.has(page)) {
    for (const [path, code] of Object.entries(filesOf(page))) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), code);
    }
    written.add(page);
  }
  const all: Module = {};
  for (const name of names) {
    // One after the other: a file that two imports ask for at once can be loaded twice.
    Object.assign(all, (await import(join(root, name))) as Module);
  }
  return all;
}

/** Starts the application of a module on a free port, and closes it with the test. @returns its address */
async function listen(moduleRef: TestingModule): Promise<string> {
  const app = moduleRef.createNestApplication();
  await app.listen(0, '127.0.0.1');
  onTestFinished(() => app.close());
  const { port } = app.getHttpServer().address() as AddressInfo;
  return `http://127.0.0.1:${port}`;
}

/** An application whose durable tasks stay in memory. They run when the test says so. */
async function startInMemory(metadata: ModuleMetadata) {
  const moduleRef = await Test.createTestingModule({
    ...metadata,
    imports: [TestTasksModule.forRoot({ mode: 'manual' }), ...(metadata.imports ?? [])],
  }).compile();
  const url = await listen(moduleRef);
  const get = <T>(type: Type<T>) => moduleRef.get(type, { strict: false });
  return {
    url,
    tasks: get(TestTasks),
    runner: get(TaskRunner),
    registry: get(TaskRegistry),
    get,
  };
}

async function send(method: 'POST' | 'PUT' | 'DELETE', url: string, body: object = {}) {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method, headers, body: JSON.stringify(body) });
  const text = await response.text();
  return { status: response.status, body: (text && JSON.parse(text)) as Record<string, string> };
}

const post = (url: string, body?: object) => send('POST', url, body);

/** Starts a method of a class that a page defines: the compiler doesn't know it here. */
const startMethod = (runner: TaskRunner, ...task: unknown[]): BackgroundTask =>
  (runner as unknown as { start(...task: unknown[]): BackgroundTask }).start(...task);

const getJson = async (url: string, headers = {}) => (await (await fetch(url, { headers })).json()) as TaskRecord;

test('concepts.md: tasks run in their order, after the response', async () => {
  const { OrdersController, steps } = await paste('docs/concepts.md', 'src/orders.controller.ts');
  const { url, runner } = await startApp({ controllers: [OrdersController!] });
  expect((await post(`${url}/orders/7/payment`)).body).toEqual({ paid: '7' });
  await runner.drain();
  expect(steps).toEqual(['booked 7', 'receipt for 7']);
});

test('choosing.md: the definition decides where a task runs', async () => {
  const { Mailer, renderReport } = await paste('docs/choosing.md', 'src/mailer.service.ts', 'src/report.task.ts');
  const { runner, tasks } = await startInMemory({ imports: [BackgroundTasksModule.forRoot()], providers: [Mailer!] });
  const hint = startMethod(runner, Mailer, 'sendHint', 'ada@example.com');
  const invoice = startMethod(runner, Mailer, 'sendInvoice', 'ada@example.com');
  const report = runner.start(renderReport!, [1, 2, 3]);
  expect([hint.queue, invoice.queue]).toEqual([undefined, 'mail']);
  await tasks.run({ timeout: 20_000 });
  expect([hint.result, (await invoice.settled()).result, report.result]).toEqual([
    'hint to ada@example.com',
    'invoice to ada@example.com',
    3,
  ]);
});

test('retries.md: the third attempt succeeds', async () => {
  const { Mailer } = await paste('docs/retries.md', 'src/mailer.service.ts');
  const { runner, tasks } = await startInMemory({ imports: [BackgroundTasksModule.forRoot()], providers: [Mailer!] });
  const task = startMethod(runner, Mailer, 'sendWelcome', 'ada@example.com');
  await tasks.run({ errors: 'collect' });
  expect(task).toMatchObject({ status: 'completed', attempts: 3, result: 'welcome ada@example.com' });
});

test('following.md: the client polls, and cancels', async () => {
  const { ProcessController } = await paste('docs/following.md', 'src/process.controller.ts');
  const { url, runner } = await startApp({ controllers: [ProcessController!] });
  const { taskId } = (await post(`${url}/process`)).body;
  await runner.drain();
  expect(await getJson(`${url}/process/${taskId}`)).toMatchObject({ status: 'completed', result: { rows: 120 } });
  expect((await send('DELETE', `${url}/process/${taskId}`)).body).toBe(false);
  expect((await fetch(`${url}/process/unknown`)).status).toBe(404);
});

test('threads.md: the report is made in a thread', async () => {
  const { ReportsController } = await paste('docs/threads.md', 'src/reports.controller.ts');
  const { url, app, runner } = await startApp({ controllers: [ReportsController!] });
  const { taskId } = (await post(`${url}/reports/Sales`)).body;
  await runner.drain();
  expect(await app.get(TaskRegistry).get(taskId!)).toMatchObject({
    status: 'completed',
    result: 'Sales: 500',
    progress: 0.5,
  });
  expect(runner.stats().threads.alive).toBe(1);
});

test('queues.md: the mail is in its queue, and a worker runs it', async () => {
  const { AppModule, Mailer } = await paste('docs/queues.md', 'src/app.module.ts', 'src/mailer.service.ts');
  const { url, tasks, get } = await startInMemory({ imports: [AppModule!] });
  expect((await post(`${url}/users`, { email: 'ada@example.com' })).status).toBe(201);
  expect(tasks.added()).toMatchObject([{ name: 'Mailer.sendWelcome', queue: 'mail', status: 'pending' }]);
  await tasks.run();
  expect(get(Mailer!)).toMatchObject({ sent: ['ada@example.com'] });
});

test('schedules.md: each run removes what is expired', async () => {
  const { AppModule } = await paste('docs/schedules.md', 'src/app.module.ts');
  const { tasks } = await startInMemory({ imports: [AppModule!] });
  expect(await tasks.runScheduled('Sessions.removeExpired')).toMatchObject({ status: 'completed', result: 2 });
  expect(await tasks.runScheduled('Sessions.countActive')).toMatchObject({ status: 'completed' });
});

test('flows.md: steps get what the steps before have returned', async () => {
  const { Photos, PhotosController } = await paste(
    'docs/flows.md',
    'src/photos.service.ts',
    'src/photos.controller.ts',
  );
  const { url, tasks, registry } = await startInMemory({
    imports: [BackgroundTasksModule.forRoot()],
    controllers: [PhotosController!],
    providers: [Photos!],
  });
  const chained = (await post(`${url}/photos`, { url: 'a' })).body;
  const grouped = (await post(`${url}/photos/album`, { urls: ['a', 'b'] })).body;
  await tasks.run();
  expect(await registry.get(chained['id']!)).toMatchObject({ status: 'completed', result: 'file of a at 300' });
  expect(await registry.get(grouped['id']!)).toMatchObject({ status: 'completed', result: 'file of a, file of b' });
});

test('places.md: a gateway and a handler of messages add tasks', async () => {
  const { ChatGateway, OrdersEvents, ...pasted } = await paste(
    'docs/places.md',
    'src/chat.gateway.ts',
    'src/orders.events.ts',
  );
  const { history, shipped } = pasted as unknown as Record<'history' | 'shipped', unknown[]>;
  const { app, port, runner } = await startApp(
    { controllers: [OrdersEvents!], providers: [ChatGateway!] },
    {},
    (it) => void it.useWebSocketAdapter(new WsAdapter(it)),
  );
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  await once(socket, 'open');
  socket.send(JSON.stringify({ event: 'say', data: 'hello' }));
  const [reply] = (await once(socket, 'message')) as [Buffer];
  expect(JSON.parse(reply.toString())).toEqual({ event: 'said', data: 'hello' });
  await expect.poll(() => history).toEqual(['hello']);
  socket.close();

  const service = app.connectMicroservice<MicroserviceOptions>(
    { transport: Transport.TCP, options: { host: '127.0.0.1', port: 0 } },
    { inheritAppConfig: true },
  );
  await app.startAllMicroservices();
  const { port: tcp } = (service.unwrap<Server>().address() ?? {}) as AddressInfo;
  const client = ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port: tcp } });
  onTestFinished(() => void client.close());
  await lastValueFrom(client.emit('order-paid', 7));
  await expect.poll(() => shipped).toEqual([7]);
  await runner.drain();
});

test('options.md: the application starts with these options', async () => {
  const { AppModule } = await paste('docs/options.md', 'src/app.module.ts');
  const { runner } = await startInMemory({ imports: [AppModule!] });
  expect(runner.stats()).toMatchObject({ pending: 0, running: 0 });
});

test('errors.md: a handler catches that there are too many tasks', async () => {
  const { PhotosController } = await paste('docs/errors.md', 'src/photos.controller.ts');
  const { url, runner } = await startApp({ controllers: [PhotosController!] }, { maxPending: 1 });
  const gate = new Gate();
  runner.start(() => gate.opened);
  expect((await post(`${url}/photos/7/resize`)).body).toEqual({ resize: 'later' });
  gate.open();
  await runner.drain();
  expect((await post(`${url}/photos/7/resize`)).body).toEqual({ resize: 'soon' });
  await runner.drain();
});

test('dashboard.md: the guard asks for the password', async () => {
  vi.stubEnv('OPS_PASSWORD', 'secret');
  onTestFinished(() => void vi.unstubAllEnvs());
  const { AppModule } = await paste('docs/dashboard.md', 'src/app.module.ts');
  const moduleRef = await Test.createTestingModule({ imports: [AppModule!] })
    .overrideProvider(PAGE_FOLDER) // the sources have no built page
    .useValue(pageFolder)
    .compile();
  const url = await listen(moduleRef);
  const open = (password: string) => {
    const credentials = Buffer.from(`ops:${password}`).toString('base64');
    return fetch(`${url}/background-tasks/api/tasks`, { headers: { authorization: `Basic ${credentials}` } });
  };
  const refused = await open('guess');
  expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Basic realm="tasks"']);
  expect((await open('secret')).status).toBe(200);
});

const recipe = (...names: string[]) => paste('docs/recipes.md', ...names);

test('recipe: only the owner reads the status', async () => {
  // The interceptor of the other recipe makes each controller request-scoped: the owners have to survive that.
  const { AnalyticsModule, Exports, ExportsController } = await recipe(
    'analytics/analytics.module.ts',
    'status/exports.service.ts',
    'status/exports.controller.ts',
  );
  const metadata = { imports: [AnalyticsModule!], controllers: [ExportsController!], providers: [Exports!] };
  const { url, runner } = await startApp(metadata, {}, (app) =>
    app.use((request: { headers: Record<string, string>; user: object }, _response: unknown, next: () => void) => {
      request.user = { id: request.headers['x-user'] };
      next();
    }),
  );
  const as = (user: string) => ({ 'x-user': user });
  const started = await fetch(`${url}/exports`, { method: 'POST', headers: as('ada') });
  const { taskId } = (await started.json()) as { taskId: string };
  await runner.drain();
  expect(await getJson(`${url}/exports/${taskId}`, as('ada'))).toEqual({
    status: 'completed',
    progress: { done: 1, of: 2 },
    result: { rows: 120, userId: 'ada' },
    finishedAt: expect.any(String),
  });
  expect((await fetch(`${url}/exports/${taskId}`, { headers: as('eve') })).status).toBe(404);
  expect((await fetch(`${url}/exports/unknown`, { headers: as('ada') })).status).toBe(404);
});

test('recipe: events tell of the progress', async () => {
  const { Importer, ImportsController } = await recipe(
    'progress/importer.service.ts',
    'progress/imports.controller.ts',
  );
  const { url, tasks } = await startInMemory({
    imports: [BackgroundTasksModule.forRoot()],
    controllers: [ImportsController!],
    providers: [Importer!],
  });
  const { taskId } = (await post(`${url}/imports`)).body;
  const events = fetch(`${url}/imports/${taskId}/events`).then((response) => response.text());
  await tasks.run();
  const last = (await events).trim().split('\n').at(-1)!;
  expect(JSON.parse(last.slice('data: '.length))).toMatchObject({
    status: 'completed',
    progress: { done: 3, of: 3 },
    result: { imported: 3 },
  });
});

test('recipe: the result is a file', async () => {
  const { Invoices, InvoicesController } = await recipe('files/invoices.service.ts', 'files/invoices.controller.ts');
  const { url, app, runner } = await startApp({ controllers: [InvoicesController!], providers: [Invoices!] });
  const { file } = (await post(`${url}/invoices/12`)).body;
  await runner.drain();
  expect(await (await fetch(`${url}${file}`)).text()).toBe('Invoice 12');
  expect((await fetch(`${url}/invoices/unknown/file`)).status).toBe(404);
  const invoice = join(app.get<{ folder: string }>(Invoices!).folder, `${file!.split('/')[2]}.txt`);
  expect(await readFile(invoice, 'utf8')).toBe('Invoice 12');
  await rm(invoice);
});

test('recipe: a refused login is noted, and no other', async () => {
  const { Audit, AuthController } = await recipe('audit/audit.service.ts', 'audit/auth.controller.ts');
  const { url, app, runner } = await startApp({ controllers: [AuthController!], providers: [Audit!] });
  expect((await post(`${url}/login`, { email: 'ada', password: 'correct' })).status).toBe(201);
  expect((await post(`${url}/login`, { email: 'eve', password: 'wrong' })).status).toBe(401);
  await runner.drain();
  expect(app.get(Audit!)).toMatchObject({ entries: [expect.stringMatching(/^eve from /)] });
});

test('recipe: analytics has each request, with its status', async () => {
  const { AnalyticsModule, Analytics, ProcessController } = {
    ...(await recipe('analytics/analytics.module.ts', 'analytics/analytics.service.ts')),
    ...(await paste('docs/following.md', 'src/process.controller.ts')),
  };
  const { url, app, runner } = await startApp({ imports: [AnalyticsModule!], controllers: [ProcessController!] });
  await post(`${url}/process`);
  await fetch(`${url}/process/unknown`);
  await runner.drain();
  expect(app.get(Analytics!)).toMatchObject({
    entries: [
      { method: 'POST', path: '/process', status: 201, duration: expect.any(Number) },
      { method: 'GET', path: '/process/unknown', status: 404, duration: expect.any(Number) },
    ],
  });
});

test('recipe: the cache has what was written', async () => {
  const { Posts, PostsController } = await recipe('cache/posts.service.ts', 'cache/posts.controller.ts');
  const { url, app, runner } = await startApp({ controllers: [PostsController!], providers: [Posts!] });
  await send('PUT', `${url}/posts/1`, { text: 'new' });
  await runner.drain();
  const { cache } = app.get<{ cache: { get(id: string): Promise<string> } }>(Posts!);
  expect(await cache.get('1')).toBe('new');
});

test('recipe: a webhook is tried again after a 503, and not after a 400', async () => {
  const { Webhooks } = await recipe('webhooks/webhooks.service.ts');
  const answers = [503, 200, 400];
  const server = createServer((_request, response) => response.writeHead(answers.shift()!).end()).listen(
    0,
    '127.0.0.1',
  );
  onTestFinished(() => void server.close());
  const { runner, tasks } = await startInMemory({ imports: [BackgroundTasksModule.forRoot()], providers: [Webhooks!] });
  const call = () =>
    startMethod(runner, Webhooks, 'send', `http://127.0.0.1:${(server.address() as AddressInfo).port}`, {});
  const first = call();
  await tasks.run({ errors: 'collect' });
  expect(first).toMatchObject({ status: 'completed', attempts: 2, result: 200 });
  const second = call();
  await tasks.run({ errors: 'collect' });
  expect(second).toMatchObject({ status: 'failed', attempts: 1 });
});

test('recipe: a mail service gets the same key in each attempt', async () => {
  const { Receipts, MailApi } = await recipe('once/receipts.service.ts', 'once/mail-api.service.ts');
  const { runner, tasks, get } = await startInMemory({
    imports: [BackgroundTasksModule.forRoot()],
    providers: [Receipts!, MailApi!],
  });
  const task = startMethod(runner, Receipts, 'send', 7);
  await tasks.run();
  expect(get(MailApi!)).toMatchObject({ sent: new Map([[task.id, 'Order 7']]) });
});

test('recipe: failed tasks of a queue run again', async () => {
  const { retryFailed } = await recipe('again/retry-failed.ts');
  const { Receipts, MailApi } = await recipe('once/receipts.service.ts', 'once/mail-api.service.ts');
  let isDown = true;
  const api = {
    send: async () => {
      if (isDown) {
        throw new Error('the mail service is down');
      }
    },
  };
  const { runner, tasks, registry } = await startInMemory({
    imports: [BackgroundTasksModule.forRoot()],
    providers: [Receipts!, { provide: MailApi!, useValue: api }],
  });
  const task = startMethod(runner, Receipts, 'send', 7);
  await tasks.run({ errors: 'collect' });
  isDown = false;
  expect(await retryFailed!(registry, 'mail')).toBe(1);
  await tasks.run();
  expect(await registry.get(task.id)).toMatchObject({ status: 'completed' });
});

// The last one: its subscriber stays for the rest of the process.
test('observability.md: the subscriber gets each failed attempt', async () => {
  const log = vi.spyOn(console, 'error').mockReturnValue();
  onTestFinished(() => log.mockRestore());
  await paste('docs/observability.md', 'src/alarms.ts');
  const { runner } = await startApp({});
  const task = runner.with({ name: 'fails', attempts: 2 }).start(() => Promise.reject(new Error('refused')));
  await runner.drain();
  const alarm = { id: task.id, name: 'fails', error: expect.objectContaining({ message: 'refused' }) };
  expect(log.mock.calls).toEqual([
    ['alarm', { ...alarm, attempt: 1 }],
    ['alarm', { ...alarm, attempt: 2 }],
  ]);
});
