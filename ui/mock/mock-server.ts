/** Serves the built page and the dashboard's API with tasks that are made up: for tests of the page and for its pictures. */
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import type { TaskRow } from '../src/api/wire.ts';
import type { World } from './world.ts';

const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const types: Record<string, string> = { '.js': 'text/javascript', '.css': 'text/css', '.html': 'text/html' };
const CHANGED = 200;

export interface MockServerOptions {
  world: World;
  /** The folder of the built page. */
  page: string;
  base?: string;
  canAct?: boolean;
  title?: string;
}

export class MockServer {
  readonly requests: string[] = [];
  readonly #options: Required<MockServerOptions>;
  readonly #streams = new Set<ServerResponse>();
  readonly #timers: NodeJS.Timeout[] = [];
  #server: Server | undefined;
  #startedAt = new Date().toISOString();
  #port = 0;
  #sent = 0;

  constructor(options: MockServerOptions) {
    this.#options = { base: '/background-tasks', canAct: true, title: 'Shop', ...options };
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}${this.#options.base}`;
  }

  async start(): Promise<void> {
    this.#startedAt = new Date().toISOString();
    const server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        response.writeHead(500).end(String(error));
      });
    });
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers.splice(0)) {
      clearInterval(timer);
    }
    const server = this.#server!;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    this.#streams.clear();
    await closed;
  }

  /** Lets things happen by themselves. */
  live(): void {
    const { world } = this.#options;
    this.#timers.push(
      setInterval(() => {
        world.step(200);
        this.send();
      }, 200),
      setInterval(() => world.nextSecond(), 1000),
    );
  }

  /** Sends what has changed to all pages. */
  send(limit = CHANGED): void {
    const { world } = this.#options;
    const update = { overview: world.overview(), ...world.takeChanged(limit) };
    const text = event('update', update, ++this.#sent);
    for (const stream of this.#streams) {
      stream.write(text);
    }
  }

  get streams(): number {
    return this.#streams.size;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { base } = this.#options;
    const url = new URL(request.url!, this.url);
    this.requests.push(`${request.method} ${url.pathname}${url.search}`);
    if (!`${url.pathname}/`.startsWith(`${base}/`)) {
      response.writeHead(404).end();
      return;
    }
    const path = url.pathname.slice(base.length);
    if (path === '/api/events') {
      this.#stream(response);
    } else if (path.startsWith('/api/')) {
      const parts = path.slice(5).split('/').map(decodeURIComponent);
      if (request.method === 'POST') {
        await this.#act(request, response, parts, url.searchParams);
      } else {
        this.#read(response, parts, url.searchParams);
      }
    } else {
      await this.#file(response, path);
    }
  }

  async #file(response: ServerResponse, path: string): Promise<void> {
    const isAsset = path.startsWith('/assets/');
    const name = isAsset ? path : '/index.html';
    try {
      const content = await readFile(join(this.#options.page, name));
      const type = types[extname(name)] ?? 'application/octet-stream';
      response.writeHead(200, { 'content-type': `${type}; charset=utf-8`, 'content-security-policy': CSP });
      response.end(isAsset ? content : content.toString().replaceAll('{{base}}', this.#options.base));
    } catch {
      response.writeHead(404).end();
    }
  }

  #stream(response: ServerResponse): void {
    const { canAct, title } = this.#options;
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    // Tests and pictures don't wait for the browser's three seconds.
    response.write('retry: 300\n\n');
    const hello = { canAct, title, version: '0.2.0', startedAt: this.#startedAt, process: 4711 };
    response.write(event('hello', hello, ++this.#sent));
    this.#streams.add(response);
    response.on('close', () => this.#streams.delete(response));
  }

  #read(response: ServerResponse, parts: string[], query: URLSearchParams): void {
    const { world } = this.#options;
    const [first, id] = parts;
    if (first === 'overview') {
      json(response, 200, world.overview());
    } else if (first === 'schedules') {
      json(response, 200, { schedules: world.schedules });
    } else if (first === 'tasks' && id === undefined) {
      const before = query.get('before');
      const offset = Number(query.get('offset') ?? 0);
      const found = world.find(matching(query), offset, Number(query.get('limit') ?? 100));
      json(response, 200, { ...found, offset, ...(before && { before }) });
    } else {
      const details = first === 'tasks' ? world.details(id!) : undefined;
      json(response, details ? 200 : 404, details ?? { message: `There is no task ${id}.` });
    }
  }

  async #act(
    request: IncomingMessage,
    response: ServerResponse,
    parts: string[],
    query: URLSearchParams,
  ): Promise<void> {
    const { world, canAct } = this.#options;
    const chunks: Buffer[] = [];
    for await (const chunk of request) {
      chunks.push(chunk as Buffer);
    }
    if (!canAct || request.headers['sec-fetch-site'] !== 'same-origin') {
      json(response, 403, { message: 'You may not act.', code: 'BACKGROUND_TASKS_ACTION_REFUSED' });
      return;
    }
    const [first, id, action] = parts;
    if (first === 'tasks' && id === 'retry') {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, string>;
      const { tasks } = world.find(matching(new URLSearchParams({ ...body, status: 'failed' })), 0, Infinity);
      if (query.has('dry')) {
        json(response, 200, { matching: tasks.length });
        return;
      }
      json(response, 200, { retried: tasks.filter((it) => world.retry(it.id)).length });
    } else if (first === 'tasks') {
      json(response, 200, { done: action === 'cancel' ? world.cancel(id!) : world.retry(id!) });
    } else {
      world.paused[action === 'pause' ? 'add' : 'delete'](id!);
      json(response, 200, { isPaused: action === 'pause' });
    }
    this.send();
  }
}

function matching(query: URLSearchParams): (task: TaskRow) => boolean {
  const [search, status, name, queue, route, before] = ['search', 'status', 'name', 'queue', 'route', 'before'].map(
    (it) => query.get(it) ?? undefined,
  );
  const words = search?.toLowerCase();
  return (task) =>
    (status === undefined || task.status === status) &&
    (name === undefined || task.name === name) &&
    (queue === undefined || task.queue === queue) &&
    (route === undefined || task.route === route) &&
    (before === undefined || task.createdAt <= before) &&
    (words === undefined || `${task.id} ${task.name} ${task.route ?? ''}`.toLowerCase().includes(words));
}

function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' });
  response.end(JSON.stringify(value));
}

const event = (name: string, data: unknown, id: number) =>
  `id: ${id}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
