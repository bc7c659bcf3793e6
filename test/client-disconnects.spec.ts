import { Readable } from 'node:stream';
import {
  Controller,
  ForbiddenException,
  Get,
  Injectable,
  InternalServerErrorException,
  Res,
  Scope,
  Sse,
  StreamableFile,
  UseGuards,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type MessageEvent,
  type NestInterceptor,
} from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import type { ServerResponse } from 'node:http';
import { concat, map, NEVER, of, type Observable } from 'rxjs';
import { beforeEach, expect, test } from 'vitest';
import { BackgroundTasks, Tasks } from 'nestjs-background-tasks';
import { Gate } from './fixtures/gate.ts';
import { RawClient } from './fixtures/raw-client.ts';
import { RawResponse, rawOf, scope } from './fixtures/place.ts';
import { startApp, type StartedApp } from './fixtures/start-app.ts';

let ran: string[];
let reached: Gate;
let proceed: Gate;
let left: Gate;
let kept: BackgroundTasks;

beforeEach(() => {
  ran = [];
  reached = new Gate();
  proceed = new Gate();
  left = new Gate();
});

function addAll(tasks: BackgroundTasks, label = ''): void {
  for (const runOn of ['success', 'failure', 'always'] as const) {
    tasks.with({ runOn }).addTask(() => void ran.push(label + runOn));
  }
}

/** Tells when the client has left, and waits until the test lets it go on. */
async function untilLeft(response: ServerResponse): Promise<void> {
  response.req.socket.once('close', () => left.open());
  reached.open();
  await proceed.opened;
}

@Injectable()
class LateRefusingGuard implements CanActivate {
  constructor(private readonly tasks: BackgroundTasks) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    await untilLeft(rawOf(context.switchToHttp().getResponse()));
    addAll(this.tasks);
    throw new ForbiddenException();
  }
}

@Injectable()
class RefusingGuard implements CanActivate {
  constructor(private readonly tasks: BackgroundTasks) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    addAll(this.tasks);
    await untilLeft(rawOf(context.switchToHttp().getResponse()));
    throw new ForbiddenException();
  }
}

/** Decides the answer after the handler and after this package's interceptor. */
class RefusingInterceptor implements NestInterceptor {
  intercept(_context: unknown, next: CallHandler) {
    return next.handle().pipe(
      map((value: unknown) => {
        if (value === 'refuse this') {
          throw new ForbiddenException();
        }
        return value;
      }),
    );
  }
}

@Controller()
class CutController {
  @Get('added-before')
  async addedBefore(@Tasks() tasks: BackgroundTasks, @RawResponse() response: ServerResponse) {
    addAll(tasks);
    await untilLeft(response);
    ran.push('handler done');
    return 'x';
  }

  @Get('added-after')
  async addedAfter(@Tasks() tasks: BackgroundTasks, @RawResponse() response: ServerResponse) {
    await untilLeft(response);
    addAll(tasks);
    await new Promise(setImmediate);
    ran.push('handler done');
    return 'x';
  }

  @Get('throws')
  async throws(@Tasks() tasks: BackgroundTasks, @RawResponse() response: ServerResponse) {
    addAll(tasks);
    await untilLeft(response);
    throw new InternalServerErrorException();
  }

  @Get('outer-refuses')
  async outerRefuses(@Tasks() tasks: BackgroundTasks, @RawResponse() response: ServerResponse) {
    addAll(tasks);
    await untilLeft(response);
    return 'refuse this';
  }

  @Get('gives-up')
  async givesUp(@Tasks() tasks: BackgroundTasks, @Res() _own: unknown, @RawResponse() response: ServerResponse) {
    addAll(tasks);
    await untilLeft(response);
    ran.push('handler done');
  }

  @Get('throws-own-response')
  async throwsOwnResponse(
    @Tasks() tasks: BackgroundTasks,
    @Res() _own: unknown,
    @RawResponse() response: ServerResponse,
  ) {
    addAll(tasks);
    response.write('first');
    await untilLeft(response);
    ran.push('handler done');
    response.end();
  }

  @Get('file')
  async file(@Tasks() tasks: BackgroundTasks, @RawResponse() response: ServerResponse) {
    addAll(tasks);
    void untilLeft(response);
    return new StreamableFile(endless());
  }

  @Get('file-after')
  async fileAfter(@Tasks() tasks: BackgroundTasks, @RawResponse() response: ServerResponse) {
    addAll(tasks);
    await untilLeft(response);
    return new StreamableFile(endless());
  }

  @Get('iterable')
  async iterable(@Tasks() tasks: BackgroundTasks, @RawResponse() response: ServerResponse) {
    addAll(tasks);
    await untilLeft(response);
    return (async function* () {
      yield 'x';
    })();
  }

  @Get('observable')
  observable(@Tasks() tasks: BackgroundTasks, @RawResponse() response: ServerResponse): Observable<string> {
    addAll(tasks);
    void untilLeft(response);
    return NEVER;
  }

  @Sse('events')
  events(
    @Tasks() tasks: BackgroundTasks,
    @Res() _own: unknown,
    @RawResponse() response: ServerResponse,
  ): Observable<MessageEvent> {
    addAll(tasks);
    void untilLeft(response);
    return concat(of({ data: 'first' }), NEVER);
  }

  @Get('refused')
  @UseGuards(RefusingGuard)
  refused() {
    return 'never';
  }

  @Get('refused-late')
  @UseGuards(LateRefusingGuard)
  refusedLate() {
    return 'never';
  }

  @Get('adds-when-all-is-over')
  async addsWhenAllIsOver(
    @Tasks() tasks: BackgroundTasks,
    @Res() _own: unknown,
    @RawResponse() response: ServerResponse,
  ) {
    kept = tasks;
    await untilLeft(response);
  }

  @Get('slow')
  async slow(@RawResponse() response: ServerResponse) {
    await untilLeft(response);
    return 'x';
  }

  @Get('queued')
  queued(@Tasks() tasks: BackgroundTasks) {
    addAll(tasks, 'queued ');
    return 'x';
  }
}

function endless(): Readable {
  return new Readable({
    read() {
      this.push('x'.repeat(1_000));
    },
  });
}

const start = () =>
  startApp({
    controllers: [CutController],
    providers: [{ provide: APP_INTERCEPTOR, useClass: RefusingInterceptor }],
  });

async function cut({ port }: StartedApp, path: string): Promise<RawClient> {
  const client = await RawClient.connect(port);
  client.request(path);
  await reached.opened;
  return client;
}

// With Scope.DEFAULT nothing tells that a handler has ended without an answer. The tasks then start after 10 s.
// These tests leave such handlers out.
const isToldOfEnd = scope === Scope.REQUEST;
const toldOnly = (path: string) => isToldOfEnd || !['gives-up', 'iterable', 'observable'].includes(path);

const atWork: [path: string, expected: string[]][] = [
  ['added-before', ['handler done', 'success', 'always']],
  ['added-after', ['handler done', 'success', 'always']],
  ['throws', ['failure', 'always']],
  ['outer-refuses', ['failure', 'always']],
  ['gives-up', ['handler done', 'success', 'always']],
  ['file-after', ['success', 'always']],
  ['iterable', ['success', 'always']],
  ['refused', ['failure', 'always']],
  ['refused-late', ['failure', 'always']],
];

test.each(atWork.filter(([path]) => toldOnly(path)))(
  'a client leaves while the server is at work: %s',
  async (path, expected) => {
    const app = await start();
    const client = await cut(app, `/${path}`);
    client.leave();
    await left.opened;
    await new Promise(setImmediate);
    expect(ran).toEqual([]);
    proceed.open();
    await untilRan(expected.length);
    await app.runner.drain(5_000);
    expect(ran).toEqual(expected);
  },
);

const inTheMiddle: [path: string, seen: string][] = [
  ['throws-own-response', 'first'],
  ['file', 'xxx'],
  ['observable', ''],
  ['events', 'data: first'],
];

test.each(inTheMiddle.filter(([path]) => toldOnly(path)))(
  'a client leaves in the middle of a response: %s',
  async (path, seen) => {
    const app = await start();
    const client = await cut(app, `/${path}`);
    await client.receives(seen);
    expect(ran).toEqual([]);
    client.leave();
    await left.opened;
    proceed.open();
    await untilRan(2);
    await app.runner.drain(5_000);
    expect(ran.filter((entry) => entry !== 'handler done')).toEqual(['success', 'always']);
  },
);

test('a client leaves as soon as it has its answer', async () => {
  const app = await start();
  const client = await RawClient.connect(app.port);
  client.request('/queued');
  await client.receives('\r\n\r\nx');
  client.leave();
  await app.runner.drain(5_000);
  expect(ran).toEqual(['queued success', 'queued always']);
});

test.runIf(isToldOfEnd)('a task is added when the client has left and the handler is done', async () => {
  const app = await start();
  const client = await cut(app, '/adds-when-all-is-over');
  client.leave();
  await left.opened;
  proceed.open();
  await new Promise(setImmediate);
  addAll(kept);
  await app.runner.drain(5_000);
  expect(ran).toEqual(['success', 'always']);
});

test('a client pipelines requests and leaves before their turn', async () => {
  const app = await start();
  const client = await RawClient.connect(app.port);
  client.pipeline(['/slow', '/queued', '/refused', '/queued']);
  await reached.opened;
  client.leave();
  await left.opened;
  proceed.open();
  await untilRan(6);
  await app.runner.drain(5_000);
  expect(ran.toSorted()).toEqual(
    ['queued success', 'queued always', 'failure', 'always', 'queued success', 'queued always'].toSorted(),
  );
});

/** The request of a client that has left can add its tasks late, so this waits for them. */
async function untilRan(count: number): Promise<void> {
  await expect.poll(() => ran.length).toBeGreaterThanOrEqual(count);
}
