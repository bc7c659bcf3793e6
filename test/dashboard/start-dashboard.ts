import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import type { DynamicModule, INestApplication, ModuleMetadata, NestApplicationOptions } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { onTestFinished } from 'vitest';
import {
  BackgroundTasksModule,
  type BackgroundTasksModuleOptions,
  type TaskRecord,
  TaskRegistry,
  TaskRunner,
} from 'nestjs-background-tasks';
import { BackgroundTasksDashboardModule } from 'nestjs-background-tasks/dashboard';
import { PAGE_FOLDER } from '../../lib/dashboard/http/page-files.ts';
import { RecordingLogger } from '../fixtures/recording-logger.ts';

export type Platform = 'Express' | 'Fastify';
export const platforms = ['Express', 'Fastify'] as const;

export const pageFolder = join(import.meta.dirname, '../fixtures/dashboard-page');

/** What the dashboard's own page sends with each action. */
export const ownPage = { 'sec-fetch-site': 'same-origin', 'content-type': 'application/json' };

export interface DashboardOptions {
  platform?: Platform;
  dashboard?: DynamicModule;
  tasks?: BackgroundTasksModuleOptions;
  metadata?: ModuleMetadata;
  configure?: (app: INestApplication) => void;
  application?: NestApplicationOptions;
  /** The folder of the page. By default a small one that stands for it. */
  page?: string;
  /** By default a free one. */
  port?: number;
}

export const openDashboard = () => BackgroundTasksDashboardModule.forRoot({ guards: 'open', canAct: () => true });

/** An application with a dashboard, which listens on a free port and is closed with the test. */
export async function startDashboard({
  platform = 'Express',
  dashboard = openDashboard(),
  tasks = {},
  metadata = {},
  configure = () => undefined,
  application = {},
  page = pageFolder,
  port: wantedPort = 0,
}: DashboardOptions = {}) {
  const log = new RecordingLogger();
  const module = await Test.createTestingModule({
    ...metadata,
    imports: [
      ...(metadata.imports ?? []),
      BackgroundTasksModule.forRoot({ shutdownTimeout: 500, ...tasks }),
      dashboard,
    ],
  })
    .overrideProvider(PAGE_FOLDER)
    .useValue(page)
    .setLogger(log)
    .compile();
  const app: INestApplication =
    platform === 'Express'
      ? module.createNestApplication(new ExpressAdapter(), application)
      : module.createNestApplication(new FastifyAdapter(), application);
  configure(app);
  await app.listen(wantedPort, '127.0.0.1');
  onTestFinished(() => app.close());
  const { port } = app.getHttpServer().address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const path = `${url}/background-tasks`;
  const fetchAt = (at: string, headers: Record<string, string> = {}) => fetch(`${path}${at}`, { headers });
  const json = async <T>(at: string): Promise<T> => (await fetchAt(at)).json() as Promise<T>;
  const post = (at: string, body: object = {}, headers: Record<string, string> = ownPage) =>
    fetch(`${path}${at}`, { method: 'POST', headers, body: JSON.stringify(body) });
  return {
    app,
    log,
    port,
    url,
    path,
    get: fetchAt,
    json,
    post,
    runner: app.get(TaskRunner),
    registry: app.get(TaskRegistry),
  };
}

export interface SentEvent {
  id: number;
  event: string;
  data: { [name: string]: unknown; tasks: TaskRecord[]; more: boolean };
}

/** Reads server-sent events. Not by `fetch`: it opens another connection after one that is cut, and a server waits for that. */
export class EventReader {
  readonly events: SentEvent[] = [];
  isOver = false;
  #text = '';

  private constructor(readonly response: IncomingMessage) {
    response.setEncoding('utf8');
    response.on('data', (piece: string) => this.#read(piece));
    response.on('close', () => (this.isOver = true));
    response.on('error', () => undefined);
    onTestFinished(() => this.close());
  }

  static async connect(url: string, headers: Record<string, string> = {}): Promise<EventReader> {
    const request = get(url, { headers, agent: false });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return new EventReader(response);
  }

  get updates(): SentEvent[] {
    return this.events.filter(({ event }) => event === 'update');
  }

  /** Reads nothing until `resume`. */
  pause(): void {
    this.response.pause();
  }

  resume(): void {
    this.response.resume();
  }

  close(): void {
    this.response.destroy();
  }

  #read(piece: string): void {
    const blocks = `${this.#text}${piece}`.split('\n\n');
    this.#text = blocks.pop()!;
    blocks.filter((block) => block.includes('data: ')).forEach((block) => this.events.push(parsed(block)));
  }
}

function parsed(block: string): SentEvent {
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)![1]!;
  return { id: Number(field('id')), event: field('event'), data: JSON.parse(field('data')) as SentEvent['data'] };
}
