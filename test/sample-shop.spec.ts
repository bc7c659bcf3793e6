import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { SMTPServer } from 'smtp-server';
import type { TaskRecord } from 'nestjs-background-tasks';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { findBrowser, TestBrowser } from './fixtures/dashboard-page.ts';
import { INSTALL_TIMEOUT, installPackage } from './fixtures/install-package.ts';
import { ownPrefix, stopStores, stores } from './fixtures/queue-stores.ts';

const root = join(import.meta.dirname, '..');
const sample = 'sample/10-shop';
const patient = { timeout: 30_000 };
const browserPath = findBrowser();
const addressOf = (url: string) => stores.find(({ name }) => name === url)?.connection;

let folder: string;

/** Starts the shop, with no other parts than these. */
async function startShop(parts: Record<string, string | undefined>, entry = `${sample}/dist/main.js`) {
  const { DATABASE_URL: _database, REDIS_URL: _redis, ...others } = process.env;
  const child = spawn(process.execPath, [entry], {
    cwd: folder,
    // Reports are temporary files.
    env: { ...others, ...parts, PORT: '0', TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await addressSaidBy(child);

  const send = async (method: string, path: string, body?: object) => {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${url}${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    const answer = await response.text();
    return { status: response.status, body: (answer === '' ? undefined : JSON.parse(answer)) as unknown };
  };
  const get = async <T>(path: string) => (await send('GET', path)).body as T;
  const post = async <T = WithTask>(path: string, body?: object) => (await send('POST', path, body)).body as T;
  return {
    url,
    process: child,
    send,
    get,
    post,
    /** Waits until a task has settled, as a client that polls. */
    async settled({ id }: TaskRecord): Promise<TaskRecord> {
      const find = () => get<TaskRecord>(`/tasks/${id}`);
      await expect.poll(find, patient).toHaveProperty('finishedAt');
      return find();
    },
    async mailsTo(address: string): Promise<string[]> {
      const mails = await get<{ to: string; subject: string }[]>('/mailbox');
      return mails.filter(({ to }) => to === address).map(({ subject }) => subject);
    },
    /** Ends it as a deploy does. */
    async stop(): Promise<void> {
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

type Shop = Awaited<ReturnType<typeof startShop>>;

async function addressSaidBy(child: ChildProcess): Promise<string> {
  const { stdout } = child;
  let output = '';
  // Leaving the loop would close the pipe.
  for await (const chunk of stdout!.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    output += chunk as string;
    const [, url] = /The shop is open[^]*?(http:\/\/127\.0\.0\.1:\d+)/.exec(output) ?? [];
    if (url !== undefined) {
      stdout!.resume();
      return url;
    }
  }
  if (child.exitCode === null && child.signalCode === null) {
    await once(child, 'exit');
  }
  throw new Error(`The shop has not started, and ended with ${child.signalCode ?? child.exitCode}: ${output}`);
}

/** What an endpoint answers that adds one task. */
interface WithTask {
  task: TaskRecord;
}

async function startForTest(parts: Record<string, string | undefined>): Promise<Shop> {
  const shop = await startShop(parts);
  onTestFinished(() => void shop.process.kill('SIGKILL'));
  return shop;
}

let shop: Shop;

// Packing builds the package, then `npm start` compiles the sample: on a busy machine that takes two minutes.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shop-'));
  await installPackage(folder);
  // The package is installed already, so there is nothing to build.
  await writeFile(join(folder, 'package.json'), '{ "type": "module", "scripts": { "build": "node --version" } }');
  const sources = ['tsconfig.json', 'nest-cli.json', 'sample/start.mjs', `${sample}/tsconfig.json`];
  for (const path of [...sources, `${sample}/src`, `${sample}/public`]) {
    await cp(join(root, path), join(folder, path), { recursive: true });
  }
  // `npm run typecheck` checks the types: here that takes half of the time.
  const tsconfig = join(folder, sample, 'tsconfig.json');
  const { compilerOptions, ...others } = JSON.parse(await readFile(tsconfig, 'utf8')) as { compilerOptions: object };
  await writeFile(tsconfig, JSON.stringify({ ...others, compilerOptions: { ...compilerOptions, noCheck: true } }));
  shop = await startShop({}, 'sample/start.mjs');
}, INSTALL_TIMEOUT);

afterAll(async () => {
  await shop?.stop();
  await rm(folder, { recursive: true });
});

stopStores();

const newAddress = () => `grace.${randomUUID().slice(0, 8)}@example.com`;

type Order = WithTask & { order: { id: number } };

async function placeOrder({ post }: Shop, email: string, quantity: number): Promise<Order> {
  return post<Order>('/orders', { productId: 1, quantity, email });
}

const tooMuch = (email: string) => ({ productId: 1, quantity: 900, email });

describe('without a server', () => {
  test('a sign-up sends a welcome', async () => {
    const email = newAddress();
    const user = { name: 'Grace', email, password: 'long enough' };
    const { task } = await shop.post('/users', user);
    expect(await shop.settled(task)).toMatchObject({ status: 'completed', result: { sentTo: email } });
    expect((await shop.send('POST', '/users', user)).status).toBe(409);
    expect(await shop.mailsTo(email)).toEqual(['Welcome, Grace']);
    expect((await shop.send('POST', '/users', { name: 'Grace', email: 'nobody' })).status).toBe(400);
  });

  test('a new price is in the cache', async () => {
    expect((await shop.send('GET', '/products/2')).body).toMatchObject({ from: 'database' });
    const { body } = await shop.send('PUT', '/products/2/price', { price: 2_345 });
    expect(await shop.settled((body as WithTask).task)).toMatchObject({ status: 'completed' });
    const found = await shop.send('GET', '/products/2');
    expect(found.body).toMatchObject({ from: 'cache', product: { price: 2_345 } });
    expect((await shop.send('PUT', '/products/99/price', { price: 1 })).status).toBe(404);
  });

  test('a report is a PDF, with progress on the way', async () => {
    const { task, url } = await shop.post<WithTask & { url: string }>('/reports');
    expect((await shop.send('GET', url)).status).toBe(404);
    const record = await shop.settled(task);
    const { orders } = record.result as { orders: number };
    expect(record).toMatchObject({ status: 'completed', progress: { done: orders, of: orders } });
    const file = await fetch(`${shop.url}${url}`);
    expect(file.headers.get('content-type')).toBe('application/pdf');
    expect(Buffer.from(await file.arrayBuffer()).toString('latin1')).toMatch(/^%PDF-.*%%EOF\s*$/s);
  });

  test('every request is counted, also one that fails', async () => {
    const count = async () => {
      const routes = await shop.get<{ route: string; count: number }[]>('/analytics');
      return routes.find(({ route }) => route === 'GET /orders/:id')?.count ?? 0;
    };
    const before = await count();
    await shop.send('GET', '/orders/1');
    expect((await shop.send('GET', '/orders/999999')).status).toBe(404);
    await expect.poll(count, patient).toBe(before + 2);
  });

  test('an order goes through three steps, and the bank gets a second attempt', async () => {
    const { order } = await placeOrder(shop, newAddress(), 1);
    const path = `/orders/${order.id}`;
    const stock = async () => (await shop.get<{ stock: number }[]>('/products'))[0]!.stock;
    const before = await stock();
    const { task } = await shop.post(`${path}/fulfilment`);
    expect(task.name).toBe('Fulfilment.ship');
    const { status, result } = await shop.settled(task);
    expect([status, result]).toMatchObject(['completed', { orderId: order.id, attempts: 2 }]);
    expect(await shop.get(path)).toMatchObject({ status: 'shipped' });
    // A second parcel of the same order takes nothing from the shelf.
    const again = await shop.post(`${path}/fulfilment`);
    await shop.settled(again.task);
    expect(await stock()).toBe(before - 1);
  });

  test('three channels announce at the same time', async () => {
    const { tasks } = await shop.post<{ tasks: TaskRecord[] }>('/products/3/announcement');
    const records = await Promise.all(tasks.map((task) => shop.settled(task)));
    expect(records.map(({ status }) => status)).toEqual(['completed', 'completed', 'completed']);
    const lastStart = Math.max(...records.map(({ startedAt }) => Date.parse(startedAt!)));
    const firstEnd = Math.min(...records.map(({ finishedAt }) => Date.parse(finishedAt!)));
    expect(lastStart).toBeLessThan(firstEnd);
    expect(await shop.mailsTo('subscribers@example.com')).toContain('Back in stock: Enamel mug');
    expect(await shop.get('/announcements')).toMatchObject({
      chat: ['Enamel mug is back in stock'],
      news: [{ title: 'Enamel mug is back' }],
    });
  });

  test('a review changes the rating', async () => {
    for (const stars of [5, 2]) {
      const { task } = await shop.post('/products/5/reviews', { stars });
      await shop.settled(task);
    }
    expect(await shop.get('/products/5/rating')).toMatchObject({ reviews: 2, average: '3.50' });
    expect((await shop.send('POST', '/products/5/reviews', { stars: 6 })).status).toBe(400);
  });

  test('a refused login is noted, and a successful one is not', async () => {
    const [olga, stranger] = ['olga@harbour-coffee.example', newAddress()];
    const logIn = (email: string) => shop.send('POST', '/sessions', { email, password: 'flat white' });
    expect((await logIn(olga)).status).toBe(201);
    expect((await logIn(stranger)).status).toBe(401);
    const refused = () => shop.get<{ email: string; ip: string }[]>('/sessions/refused');
    await expect.poll(async () => (await refused())[0], patient).toMatchObject({ email: stranger, ip: '127.0.0.1' });
    expect((await refused()).map(({ email }) => email)).not.toContain(olga);
  });

  test('an import tells how far it is, and can be cancelled', async () => {
    const first = await shop.post('/imports');
    const events = (await (await fetch(`${shop.url}/tasks/${first.task.id}/events`)).text())
      .split('\n')
      .filter((line) => line.startsWith('data: '))
      .map((line) => JSON.parse(line.slice(6)) as TaskRecord);
    expect(events.at(-1)).toMatchObject({ status: 'completed', result: { imported: 12 } });
    expect(events.map(({ progress }) => (progress as { done: number } | undefined)?.done)).toContain(1);

    const second = await shop.post('/imports');
    expect((await shop.send('DELETE', `/tasks/${second.task.id}`)).status).toBe(204);
    expect(await shop.settled(second.task)).toMatchObject({ status: 'cancelled' });
    expect((await shop.send('GET', `/tasks/${randomUUID()}`)).status).toBe(404);
  });

  test('expired sessions are removed, and the next time is known', async () => {
    interface CleanUps {
      last?: TaskRecord;
      next: string;
    }
    const removed = (run?: TaskRecord) => (run?.result as { removed: number } | undefined)?.removed ?? 0;
    // The hour may have struck since the shop has opened.
    const scheduled = await shop.get<CleanUps>('/sessions/clean-up');
    const { task } = await shop.post('/sessions/clean-up');
    expect(removed(await shop.settled(task)) + removed(scheduled.last)).toBe(3);
    const { last, next } = await shop.get<CleanUps>('/sessions/clean-up');
    expect(last?.id).toBe(task.id);
    expect(new Date(next).getMinutes()).toBe(0);
    expect(Date.parse(next)).toBeGreaterThan(Date.now());
  });

  test('the API is described without the routes of the dashboard, which lets in staff only', async () => {
    expect(await (await fetch(`${shop.url}/api`)).text()).toContain('swagger-ui');
    const { paths } = await shop.get<{ paths: object }>('/api-json');
    expect(Object.keys(paths)).toContain('/orders/{id}/fulfilment');
    expect(Object.keys(paths).join()).not.toContain('background-tasks');
    expect((await shop.send('GET', '/background-tasks')).status).toBe(401);
  });
});

const database = addressOf('Postgres');
const redis = addressOf('Redis');

/** Makes a database for the test. @returns its URL */
async function ownDatabase(): Promise<string> {
  const url = new URL(database!);
  const admin = new Client({ connectionString: url.href });
  const name = ownPrefix();
  await admin.connect();
  await admin.query(`CREATE DATABASE ${name}`);
  onTestFinished(async () => {
    await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
    await admin.end();
  });
  url.pathname = `/${name}`;
  return url.href;
}

/** A mail server. @returns its URL, and the addresses that it has taken mails for */
async function ownMailServer() {
  const sentTo: string[] = [];
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    onData(stream, { envelope }, done) {
      stream.resume().on('end', () => {
        sentTo.push(...envelope.rcptTo.map(({ address }) => address));
        done();
      });
    },
  });
  const listening = server.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  onTestFinished(() => server.close());
  return { url: `smtp://127.0.0.1:${(listening.address() as AddressInfo).port}`, sentTo };
}

async function ownChat() {
  const said: string[] = [];
  const server = createServer(async (request, response) => {
    said.push((JSON.parse(await text(request)) as { text: string }).text);
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, said };
}

describe('with servers', () => {
  test.skipIf(database === undefined || redis === undefined)(
    'the confirmation commits with the order, and each part uses its server',
    { timeout: 120_000 },
    async () => {
      const [mail, chat] = [await ownMailServer(), await ownChat()];
      const parts = { DATABASE_URL: await ownDatabase(), REDIS_URL: redis, SMTP_URL: mail.url, CHAT_URL: chat.url };
      const other = await startForTest(parts);
      expect((await other.get<{ parts: object }>('/page')).parts).toEqual({
        queue: 'Postgres',
        database: 'Postgres',
        cache: 'Redis',
        email: 'SMTP server',
        chat: 'webhook',
      });

      const [email, refused] = [newAddress(), newAddress()];
      const { order, task } = await placeOrder(other, email, 2);
      expect(await other.settled(task)).toMatchObject({ status: 'completed', result: { sentTo: email } });
      expect((await other.send('POST', '/orders', tooMuch(refused))).status).toBe(409);
      const fulfilment = await other.post(`/orders/${order.id}/fulfilment`);
      expect(await other.settled(fulfilment.task)).toMatchObject({ status: 'completed' });
      const { tasks } = await other.post<{ tasks: TaskRecord[] }>('/products/3/announcement');
      await Promise.all(tasks.map((it) => other.settled(it)));
      const { body } = await other.send('PUT', '/products/1/price', { price: 1_111 });
      await other.settled((body as WithTask).task);

      const cache = new Redis(redis!);
      onTestFinished(() => cache.disconnect());
      const keys = await cache.keys('*product:1');
      expect(keys.length).toBeGreaterThan(0);
      await cache.unlink(...keys);
      expect(chat.said).toEqual(['Enamel mug is back in stock']);
      await other.stop();
      // The shop has run all of its tasks by now.
      expect(mail.sentTo.toSorted()).toEqual([email, 'subscribers@example.com'].toSorted());
    },
  );

  test.skipIf(redis === undefined)('the queue can be on Redis', { timeout: 120_000 }, async () => {
    const other = await startForTest({ REDIS_URL: redis, TASKS_PREFIX: ownPrefix() });
    const email = newAddress();
    const { order, task } = await placeOrder(other, email, 2);
    expect(await other.settled(task)).toMatchObject({ status: 'completed' });
    expect((await other.send('POST', '/orders', tooMuch(newAddress()))).status).toBe(409);
    const fulfilment = await other.post(`/orders/${order.id}/fulfilment`);
    expect(await other.settled(fulfilment.task)).toMatchObject({ status: 'completed' });
    expect(await other.mailsTo(email)).toEqual(['We have your order 10001']);
    await other.stop();
  });

  test('with DATA, a restart keeps orders, tasks and reports', { timeout: 120_000 }, async () => {
    const DATA = join(folder, 'data');
    const before = await startForTest({ DATA });
    const { order, task } = await placeOrder(before, newAddress(), 2);
    await before.settled(task);
    const report = await before.post<{ url: string }>('/reports');
    // It is made while the shop closes.
    await before.stop();

    const after = await startForTest({ DATA });
    expect((await after.send('GET', `/orders/${order.id}`)).status).toBe(200);
    expect(await after.get(`/tasks/${task.id}`)).toMatchObject({ status: 'completed' });
    expect((await fetch(`${after.url}${report.url}`)).status).toBe(200);
    await after.stop();
  });
});

test('npm start says which samples there are', async () => {
  const child = spawn(process.execPath, ['sample/start.mjs', '99'], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = await text(child.stderr);
  expect(said).toContain('sample/01-notifications');
  expect(said).toContain('got 99');
});

describe.skipIf(browserPath === undefined)('the page', () => {
  let browser: TestBrowser;

  beforeAll(async () => {
    browser = await TestBrowser.start(browserPath!);
  });

  afterEach(async () => {
    // Chromium reports the login and the order that are refused on purpose.
    expect((await browser.closePages()).filter((it) => !/status of (401|409)/.test(it))).toEqual([]);
  });

  afterAll(() => browser.close());

  test('each button says what happened and what it used, and shows its code', { timeout: 90_000 }, async () => {
    const page = await browser.open(shop.url);
    const cards = page.locator('.case');
    await cards.first().waitFor();
    const ids = await cards.evaluateAll((all) => all.map(({ id }) => id));
    expect(ids).toHaveLength(11);
    for (const id of ids) {
      const card = page.locator(`#${id}`);
      for (const button of await card.locator('.buttons button').all()) {
        await button.click();
        await card.getByRole('status').getByText('done').waitFor();
      }
      expect(await card.locator('.uses').textContent()).toMatch(/^Uses: (Event loop|Worker thread|Queue: PGlite)/);
      await card.getByText('The code behind it').click();
      expect((await card.locator('pre').allTextContents()).join('\n')).toMatch(/\.addTask\(|registry\.follow\(/);
    }
    const factOf = (id: string, term: string) =>
      page.locator(`#${id} .facts div`, { has: page.getByText(term, { exact: true }) }).locator('dd');
    const facts = {
      welcome: ['E-mail', 'Welcome, Ada'],
      cache: ['Next visitor', 'from the cache'],
      report: ['File', 'Download the PDF'],
      analytics: ['GET /products/:id/rating', 'visit'],
      chain: ['Card', 'charged at attempt 2'],
      parallel: ['Chat', 'Channels.chat: completed'],
      statistics: ['Rating', 'Pour-over kettle'],
      confirmation: ['E-mail', 'none'],
      audit: ['Audit', 'from 127.0.0.1'],
      progress: ['Imported', '12 products'],
      'clean-up': ['Next run', ':00'],
    };
    for (const [id, [term, value]] of Object.entries(facts)) {
      expect(await factOf(id, term!).textContent(), id).toContain(value);
    }
    await page.getByRole('region', { name: 'Mailbox' }).getByText('Welcome, Ada').waitFor({ state: 'attached' });

    const downloading = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Download the PDF' }).click();
    expect((await downloading).suggestedFilename()).toBe('orders.pdf');

    await page.getByRole('button', { name: 'open the dashboard' }).click();
    await page.waitForURL('**/background-tasks**');
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  });

  test('an import can be cancelled', async () => {
    const page = await browser.open(shop.url);
    await page.getByRole('button', { name: 'Import products' }).click();
    await page.locator('#progress').getByRole('button', { name: 'Cancel' }).click();
    await page.locator('#progress').getByText('cancelled before the end').waitFor();
  });

  test.for(['light', 'dark'] as const)(
    'axe finds nothing in %s colours, and nothing is too wide',
    { timeout: 90_000 },
    async (colorScheme) => {
      const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
      const page = await browser.open(shop.url, { colorScheme, reducedMotion: 'reduce' });
      await page.getByRole('button', { name: 'Sign up' }).click();
      await page.locator('#welcome').getByRole('status').getByText('done').waitFor();
      await page.locator('#welcome summary').click();
      await page.evaluate(axe);
      const { violations } = await page.evaluate<{ violations: { id: string; nodes: { html: string }[] }[] }>(
        'axe.run()',
      );
      expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
      await page.setViewportSize({ width: 360, height: 780 });
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
    },
  );
});
