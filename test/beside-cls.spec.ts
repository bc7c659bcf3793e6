import type { ServerResponse } from 'node:http';
import { Controller, Get, Injectable, Param, type ExecutionContext } from '@nestjs/common';
import { ClsModule, ClsService, type ClsModuleOptions } from 'nestjs-cls';
import { expect, test } from 'vitest';
import { BackgroundTasks } from 'nestjs-background-tasks';
import { Gate } from './fixtures/gate.ts';
import { RawResponse } from './fixtures/place.ts';
import { startApp } from './fixtures/start-app.ts';

const REQUESTS = 20;
const ids = Array.from({ length: REQUESTS }, (_, i) => `id-${i}`);

interface Seen {
  /** What the request was asked for. */
  asked: string;
  task: string;
  isAnswered: boolean;
  /** What the task finds in its cls context. */
  requestId: string | undefined;
  user: unknown;
}

let seen: Seen[];
let arrived: number;
let allArrived: Gate;

@Injectable()
class AuditService {
  constructor(private readonly cls: ClsService) {}

  async record(response: ServerResponse, asked: string, task: string) {
    await new Promise(setImmediate);
    const isAnswered = response.writableFinished;
    seen.push({ asked, task, isAnswered, requestId: this.cls.getId(), user: this.cls.get('user') });
  }

  rename(user: string) {
    this.cls.set('user', user);
  }
}

@Controller()
class AuditedController {
  constructor(
    private readonly cls: ClsService,
    private readonly tasks: BackgroundTasks,
    private readonly audit: AuditService,
  ) {}

  @Get(':id')
  async get(@Param('id') id: string, @RawResponse() response: ServerResponse) {
    this.cls.set('user', `user of ${id}`);
    this.tasks.addTask(this.audit, 'record', response, id, 'first');
    // All handlers run at once, and go on when the last one lets them.
    if (++arrived === REQUESTS) {
      allArrived.open();
    }
    await allArrived.opened;
    this.tasks.addTask(this.audit, 'record', response, id, 'second');
    this.tasks.addTask(this.audit, 'rename', `renamed ${id}`);
    this.tasks.with({ attempts: 2, backoff: { type: 'fixed', delay: 1 } }).addTask(this.failOnce(response, id));
    return this.cls.getId();
  }

  private failOnce(response: ServerResponse, id: string) {
    let attempts = 0;
    return async () => {
      if (++attempts === 1) {
        throw new Error('once');
      }
      await this.audit.record(response, id, 'retried');
    };
  }
}

interface HasUrl {
  url: string;
  originalUrl?: string;
}

/** @param from what cls passes: a request in middleware, a context elsewhere */
function generateId(from: HasUrl | ExecutionContext): string {
  const { url, originalUrl } = 'switchToHttp' in from ? from.switchToHttp().getRequest<HasUrl>() : from;
  // If middleware is mounted on a path, Express cuts that path off the URL.
  return `request ${(originalUrl ?? url).slice(1)}`;
}

const mount = { mount: true, generateId: true, idGenerator: generateId };

test.each<[string, Pick<ClsModuleOptions, 'middleware' | 'guard' | 'interceptor'>]>([
  ['middleware', { middleware: mount }],
  ['a guard', { guard: mount }],
  ['an interceptor', { interceptor: mount }],
])(
  `cls mounted as %s: the tasks of ${REQUESTS} requests at once each see the values of their own`,
  async (_place, options) => {
    seen = [];
    arrived = 0;
    allArrived = new Gate();
    const { url, runner, log } = await startApp({
      imports: [ClsModule.forRoot({ global: true, ...options })],
      controllers: [AuditedController],
      providers: [AuditService],
    });
    const answers = await Promise.all(ids.map(async (id) => (await fetch(`${url}/${id}`)).text()));
    expect(answers).toEqual(ids.map((id) => `request ${id}`));
    await runner.drain();
    for (const id of ids) {
      const common = { asked: id, isAnswered: true, requestId: `request ${id}` };
      expect(seen.filter(({ asked }) => asked === id)).toEqual([
        { ...common, task: 'first', user: `user of ${id}` },
        { ...common, task: 'second', user: `user of ${id}` },
        { ...common, task: 'retried', user: `renamed ${id}` },
      ]);
    }
    expect(log.said('error')).toEqual([]);
  },
);
