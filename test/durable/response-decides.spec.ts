import { ServerResponse } from 'node:http';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate as turn } from 'node:timers/promises';
import { constants, createGunzip, createGzip, type Gzip } from 'node:zlib';
import {
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  Catch,
  ClassSerializerInterceptor,
  ConflictException,
  Controller,
  type ExceptionFilter,
  type ExecutionContext,
  ForbiddenException,
  Get,
  Header,
  HttpCode,
  type INestApplication,
  Injectable,
  type NestInterceptor,
  Param,
  ParseIntPipe,
  Redirect,
  Req,
  Res,
  Sse,
  StreamableFile,
  UseFilters,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { Transform } from 'class-transformer';
import { concat, from, map, mergeMap, of, tap } from 'rxjs';
import { beforeEach, describe, expect, test } from 'vitest';
import { BackgroundTasks, Task, Tasks } from 'nestjs-background-tasks';
import { FakeQueue, withResolvers } from '../fixtures/fake-queue.ts';
import { RawResponse, rawOf } from '../fixtures/place.ts';
import { RawClient } from '../fixtures/raw-client.ts';
import { startApp } from '../fixtures/start-app.ts';

/** What happened, in its order. */
let order: string[];
/** What handlers saw of their held response. */
let seen: unknown[];
/** Patches a response after the gate has. */
let patchOutside: ((response: ServerResponse) => void) | undefined;
/** What a handler pipes into its response. */
let source: Readable;
/** Lets streams go on. */
let goOn: ReturnType<typeof withResolvers>;

beforeEach(() => {
  order = [];
  patchOutside = undefined;
  goOn = withResolvers();
  seen = [];
});

@Injectable()
class Mailer {
  @Task({ queue: 'mail' })
  send(_when: string) {}
}

const mailer = new Mailer();

function addAll(tasks: BackgroundTasks): void {
  for (const runOn of ['success', 'failure', 'always'] as const) {
    tasks.with({ runOn }).addTask(mailer, 'send', runOn);
  }
}

@Injectable()
class RefusingGuard implements CanActivate {
  constructor(private readonly tasks: BackgroundTasks) {}
  canActivate(): boolean {
    addAll(this.tasks);
    throw new ForbiddenException();
  }
}

@Injectable()
class AddingGuard implements CanActivate {
  constructor(private readonly tasks: BackgroundTasks) {}
  canActivate(): boolean {
    addAll(this.tasks);
    return true;
  }
}

/** Outside of everything: it changes what the handler returned. */
@Injectable()
class OuterInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler) {
    return next.handle().pipe(
      mergeMap(async (value: unknown) => {
        await turn();
        if (value === 'outer throws') {
          throw new TypeError('after the handler');
        }
        if (value === 'outer commits') {
          order.push('commit');
        }
        if (value === 'outer refuses') {
          rawOf(context.switchToHttp().getResponse()).statusCode = 418;
        }
        return value;
      }),
    );
  }
}

class Unserializable {
  @Transform(() => {
    throw new TypeError('can’t be serialized');
  })
  name = 'x';
}

class Forgivable extends Error {}

@Catch(Forgivable)
class ForgivingFilter implements ExceptionFilter {
  catch(_error: Forgivable, host: ArgumentsHost): void {
    host
      .switchToHttp()
      .getResponse<{ status(code: number): { send(body: string): void } }>()
      .status(200)
      .send('forgiven');
  }
}

interface Reply {
  status(code: number): Reply;
  send(body?: unknown): void;
  hijack?(): void;
  redirect(url: string): void;
}

@Controller()
class DecidedController {
  @Get('returned')
  returned(@Tasks() tasks: BackgroundTasks) {
    addAll(tasks);
    return { ok: true };
  }

  @Get('passthrough-422')
  passthrough(@Tasks() tasks: BackgroundTasks, @Res({ passthrough: true }) reply: Reply) {
    addAll(tasks);
    reply.status(422);
    return { ok: false };
  }

  @Get('thrown-409')
  thrown(@Tasks() tasks: BackgroundTasks) {
    addAll(tasks);
    throw new ConflictException();
  }

  @Get('outer-throws')
  outerThrows(@Tasks() tasks: BackgroundTasks) {
    addAll(tasks);
    return 'outer throws';
  }

  @Get('outer-commits')
  outerCommits(@Tasks() tasks: BackgroundTasks) {
    addAll(tasks);
    return 'outer commits';
  }

  @Get('outer-refuses')
  outerRefuses(@Tasks() tasks: BackgroundTasks) {
    addAll(tasks);
    return 'outer refuses';
  }

  @Get('serializer-throws')
  @UseInterceptors(ClassSerializerInterceptor)
  serializer(@Tasks() tasks: BackgroundTasks) {
    addAll(tasks);
    return new Unserializable();
  }

  @Get('json-throws')
  jsonThrows(@Tasks() tasks: BackgroundTasks) {
    addAll(tasks);
    return {
      toJSON() {
        throw new TypeError('no JSON');
      },
    };
  }

  @Get('forgiven')
  @UseFilters(ForgivingFilter)
  forgiven(@Tasks() tasks: BackgroundTasks) {
    addAll(tasks);
    throw new Forgivable();
  }

  @Get('guard')
  @UseGuards(RefusingGuard)
  guard() {}

  @Get('pipe/:id')
  @UseGuards(AddingGuard)
  pipe(@Param('id', ParseIntPipe) _id: number) {}

  @Get('redirect')
  @Redirect('/elsewhere')
  redirect(@Tasks() tasks: BackgroundTasks) {
    addAll(tasks);
  }

  @Get('redirect-by-hand')
  redirectByHand(@Tasks() tasks: BackgroundTasks, @Res() reply: Reply) {
    addAll(tasks);
    reply.status(302).redirect('/elsewhere');
  }

  @Get('no-content')
  @HttpCode(204)
  noContent(@Tasks() tasks: BackgroundTasks) {
    addAll(tasks);
  }

  @Get('not-modified')
  @HttpCode(304)
  notModified(@Tasks() tasks: BackgroundTasks) {
    addAll(tasks);
  }

  @Get('send-by-hand')
  send(@Tasks() tasks: BackgroundTasks, @Res() reply: Reply) {
    addAll(tasks);
    reply.status(202).send({ by: 'hand' });
  }

  @Get('raw-409')
  raw409(@Tasks() tasks: BackgroundTasks, @Res() reply: Reply) {
    addAll(tasks);
    reply.hijack?.();
    rawOf(reply).writeHead(409, { 'content-type': 'text/plain' }).end('conflict');
  }

  @Get('raw')
  raw(@Tasks() tasks: BackgroundTasks, @Res() reply: Reply) {
    addAll(tasks);
    reply.hijack?.();
    const response = rawOf(reply);
    seen.push(response.headersSent, response.writableEnded);
    response.setHeader('x-secret', 'of the success');
    response.writeHead(200, { 'content-type': 'text/plain' });
    seen.push(
      response.headersSent,
      response.writableEnded,
      codeOf(() => response.setHeader('late', '1')),
    );
    seen.push(
      codeOf(() => response.writeHead(200)),
      codeOf(() => response.write({})),
    );
    seen.push(response.write('first, '));
    response.write('second, ', () => order.push('written'));
    response.end('third', () => order.push('ended'));
    response.statusCode = 599;
    seen.push(response.headersSent, response.writableEnded);
  }

  @Get('text-status')
  textStatus(@Tasks() tasks: BackgroundTasks, @Res() reply: Reply) {
    addAll(tasks);
    reply.hijack?.();
    const response = rawOf(reply);
    response.statusCode = '202' as never;
    response.end('of a status that is text');
  }

  @Get('old-name')
  oldName(@Tasks() tasks: BackgroundTasks, @Res() reply: Reply) {
    addAll(tasks);
    reply.hijack?.();
    const response = rawOf(reply) as ServerResponse & { writeHeader: ServerResponse['writeHead'] };
    response.writeHeader(202);
    response.end();
  }

  @Get('catches/:what')
  catches(@Param('what') what: keyof typeof WRONG, @Tasks() tasks: BackgroundTasks, @Res() reply: Reply) {
    addAll(tasks);
    reply.hijack?.();
    const response = rawOf(reply);
    seen.push(codeOf(() => WRONG[what](response)));
    response.statusCode = 400;
    response.statusMessage = 'Caught';
    response.end('caught');
  }

  @Get('late-status')
  lateStatus(@Tasks() tasks: BackgroundTasks, @Res() reply: Reply) {
    addAll(tasks);
    reply.hijack?.();
    const response = rawOf(reply);
    response.end('whole');
    response.statusCode = 500;
    response.statusMessage = 'Too late';
  }

  @Get('wraps/:method')
  wraps(@Param('method') method: 'write' | 'end', @Tasks() tasks: BackgroundTasks, @Res() reply: Reply) {
    reply.hijack?.();
    const response = rawOf(reply) as unknown as Record<string, (...args: unknown[]) => unknown>;
    const inner = response[method]!;
    response[method] = function (this: unknown, ...args: unknown[]) {
      response[method] = inner;
      tasks.addTask(mailer, 'send', 'audit');
      return inner.apply(this, args);
    };
    if (method === 'write') {
      rawOf(reply).write('piece, ');
    }
    rawOf(reply).end('whole');
  }

  @Get('piped-from/:readers')
  pipedFrom(@Param('readers') readers: string, @Tasks() tasks: BackgroundTasks, @Res() reply: Reply) {
    addAll(tasks);
    reply.hijack?.();
    source = Readable.from(Array.from({ length: 100 }, () => 'x'.repeat(100_000)));
    if (readers === 'two') {
      source.pipe(slowWriter());
    }
    source.pipe(rawOf(reply));
  }

  @Get('compressed')
  compressed(@Tasks() tasks: BackgroundTasks, @Res() reply: Reply) {
    addAll(tasks);
    reply.hijack?.();
    const response = rawOf(reply) as ServerResponse & { flush(): void };
    patchOutside?.(response);
    response.write('one, ');
    response.write('two');
    response.flush();
    void goOn.promise.then(() => response.end());
  }

  @Get('flushed')
  async flushed(@Tasks() tasks: BackgroundTasks, @RawResponse() response: ServerResponse) {
    addAll(tasks);
    await tasks.flush();
    order.push('flushed');
    seen.push(response.headersSent);
    return { ok: true };
  }

  @Get('unawaited')
  unawaited(@Tasks() tasks: BackgroundTasks) {
    addAll(tasks);
    void tasks.flush();
    return { ok: true };
  }

  @Get('file')
  file(@Tasks() tasks: BackgroundTasks) {
    addAll(tasks);
    return new StreamableFile(Readable.from(['a', 'b', 'c'].map((text) => text.repeat(100_000))));
  }

  @Get('piped')
  async piped(@Tasks() tasks: BackgroundTasks, @Res() reply: Reply) {
    addAll(tasks);
    reply.hijack?.();
    await pipeline(Readable.from(['a', 'b', 'c'].map((text) => text.repeat(100_000))), rawOf(reply));
    order.push('piped');
  }

  @Sse('events')
  events(@Tasks() tasks: BackgroundTasks) {
    addAll(tasks);
    return concat(
      of({ data: 'one' }),
      from(goOn.promise).pipe(
        tap(() => tasks.addTask(mailer, 'send', 'in mid-stream')),
        map(() => ({ data: 'two' })),
      ),
    );
  }

  @Get('invalid-header')
  invalid(@Tasks() tasks: BackgroundTasks, @RawResponse() response: ServerResponse, @Req() _request: unknown) {
    addAll(tasks);
    response.writeHead(200, { 'x-bad': 'a\nb' });
  }

  @Get('plain/:text')
  @Header('Cache-Control', 'max-age=60')
  @Header('Access-Control-Allow-Origin', '*')
  plain(@Param('text') text: string, @Tasks() tasks: BackgroundTasks, @RawResponse() response: ServerResponse) {
    tasks.addTask(mailer, 'send', text);
    patchOutside?.(response);
    return text.repeat(1_000);
  }
}

/** It takes nothing until `goOn` resolves. */
function slowWriter(): Writable {
  return new Writable({
    write(_chunk, _encoding, done) {
      setTimeout(async () => {
        await goOn.promise;
        done();
      });
    },
  });
}

/** What Node refuses, and the caller can catch. */
const WRONG = {
  message: (response: ServerResponse) => response.writeHead(200, 'a\nb'),
  'message-before': (response: ServerResponse) => {
    response.statusMessage = 'a\nb';
    response.end();
  },
  list: (response: ServerResponse) => response.writeHead(200, ['x-bad', 'a\nb']),
  'odd-list': (response: ServerResponse) => response.writeHead(200, ['x-bad']),
  encoding: (response: ServerResponse) => response.write('x', 'none' as never),
};

function codeOf(fn: () => unknown): unknown {
  try {
    fn();
    return 'no error';
  } catch (error) {
    return (error as { code: unknown }).code;
  }
}

type Middleware = (request: unknown, response: ServerResponse, next: () => void) => void;

async function start(middleware?: Middleware, configure: (app: INestApplication) => void = () => undefined) {
  const started = await startApp(
    {
      controllers: [DecidedController],
      providers: [{ provide: APP_INTERCEPTOR, useClass: OuterInterceptor }],
    },
    {},
    (app: INestApplication) => {
      configure(app);
      if (middleware) {
        app.use((request: unknown, response: unknown, next: () => void) => middleware(request, rawOf(response), next));
      }
    },
  );
  const queue = FakeQueue.in(started.app);
  return { ...started, queue };
}

const onSuccess = ['success', 'always'];
const onFailure = ['failure', 'always'];

const answers: (readonly [string, number, string[]])[] = [
  ['returned', 200, onSuccess],
  ['passthrough-422', 422, onFailure],
  ['thrown-409', 409, onFailure],
  ['outer-throws', 500, onFailure],
  ['outer-commits', 200, onSuccess],
  ['outer-refuses', 418, onFailure],
  ['serializer-throws', 500, onFailure],
  ['json-throws', 500, onFailure],
  ['forgiven', 200, onSuccess],
  ['guard', 403, onFailure],
  ['pipe/not-a-number', 400, onFailure],
  ['redirect', 302, onSuccess],
  ['redirect-by-hand', 302, onSuccess],
  ['no-content', 204, onSuccess],
  ['not-modified', 304, onSuccess],
  ['send-by-hand', 202, onSuccess],
  ['raw-409', 409, onFailure],
  ['raw', 200, onSuccess],
  ['text-status', 202, onSuccess],
  // Node 26 doesn't have it any more.
  ...('writeHeader' in ServerResponse.prototype ? [['old-name', 202, onSuccess] as const] : []),
  ['late-status', 200, onSuccess],
  ['flushed', 200, onSuccess],
  ['unawaited', 200, onSuccess],
  ['file', 200, onSuccess],
  ['piped', 200, onSuccess],
];

test.each(answers)('%s answers %i, and by that status its tasks are enqueued', async (path, status, names) => {
  const { url, runner, queue } = await start();
  const response = await fetch(`${url}/${path}`, { redirect: 'manual' });
  expect(response.status).toBe(status);
  expect(queue.stored).toEqual([names]);
  await response.text();
  await runner.drain();
  expect(queue.stored).toEqual([names]);
});

test.each(answers)('%s: no byte leaves before its tasks are in the queue', async (path, status) => {
  const { port, queue, runner } = await start();
  const hanging = queue.hang();
  const client = await RawClient.connect(port);
  client.request(`/${path}`);
  await expect.poll(() => queue.calls).toBe(1);
  for (let i = 0; i < 50; i++) {
    await turn();
  }
  expect(client.received).toBe('');
  hanging.answer();
  await client.receives(`HTTP/1.1 ${status}`);
  client.leave();
  await runner.drain();
});

test.each(answers.filter(([, status]) => status < 400))(
  '%s: a queue that refuses makes it a 503 that asks to try again',
  async (path) => {
    const { url, queue, log, runner } = await start();
    const hanging = queue.hang();
    const answer = fetch(`${url}/${path}`, { redirect: 'manual' });
    await expect.poll(() => queue.calls).toBe(1);
    queue.refuse();
    hanging.refuse();
    const response = await answer;
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(response.headers.get('x-secret')).toBeNull();
    expect(response.headers.get('location')).toBeNull();
    expect(response.headers.get('content-type')).toContain('application/json');
    expect(await response.json()).toEqual({ statusCode: 503, message: 'Service Unavailable' });
    await runner.drain();
    expect(queue.stored).toEqual([]);
    expect(log.said('error').map(({ message }) => message)).toContainEqual(
      expect.stringMatching(/^The queue refused .*does not run\.$/),
    );
  },
);

test.each(answers.filter(([, status]) => status >= 400))(
  '%s: a failure leaves as it is, whether the queue takes its tasks or not',
  async (path, status) => {
    const { url, queue, runner } = await start();
    queue.refuse();
    expect((await fetch(`${url}/${path}`)).status).toBe(status);
    await runner.drain();
    expect(queue.stored).toEqual([]);
  },
);

test('what an outer interceptor commits is committed before a task can begin', async () => {
  const { url, queue } = await start();
  queue.answer = async () => void order.push('enqueue');
  await fetch(`${url}/outer-commits`);
  expect(order).toEqual(['commit', 'enqueue']);
});

test('a held response looks as if its calls had been made', async () => {
  const { url, queue } = await start();
  const hanging = queue.hang();
  const response = fetch(`${url}/raw`);
  const sent = 'ERR_HTTP_HEADERS_SENT';
  await expect
    .poll(() => seen)
    .toEqual([false, false, true, false, sent, sent, 'ERR_INVALID_ARG_TYPE', false, true, true]);
  expect(order).toEqual([]);
  hanging.answer();
  expect((await response).status).toBe(200);
  expect((await response).headers.get('x-secret')).toBe('of the success');
  expect(await (await response).text()).toBe('first, second, third');
  await expect.poll(() => order).toEqual(['written', 'ended']);
});

test('callbacks are called when the answer is refused, too', async () => {
  const { url, queue } = await start();
  queue.refuse();
  expect((await fetch(`${url}/raw`)).status).toBe(503);
  await expect.poll(() => order).toEqual(['written', 'ended']);
});

test('a large body is piped to its end, in its order', async () => {
  const { url } = await start();
  for (const path of ['piped', 'file']) {
    const body = await (await fetch(`${url}/${path}`)).text();
    expect(body).toBe(['a', 'b', 'c'].map((text) => text.repeat(100_000)).join(''));
  }
  expect(order).toEqual(['piped']);
});

test('a pipe into a refused answer ends', async () => {
  const { url, queue } = await start();
  queue.refuse();
  expect((await fetch(`${url}/file`)).status).toBe(503);
  expect((await fetch(`${url}/file`)).status).toBe(503);
});

test.each([
  ['one', true],
  ['two', false],
])(
  'a refused answer destroys the stream that is piped into it if it has %s reader(s): %s',
  async (readers, isDestroyed) => {
    const { url, queue } = await start();
    queue.refuse();
    expect((await fetch(`${url}/piped-from/${readers}`)).status).toBe(503);
    if (isDestroyed) {
      await expect.poll(() => source.destroyed).toBe(true);
    } else {
      await expect.poll(() => source.listenerCount('data')).toBe(1);
      await turn();
      expect(source.destroyed).toBe(false);
      goOn.resolve();
      await expect.poll(() => source.readableEnded).toBe(true);
    }
  },
);

test('flush() in the handler enqueues earlier, and the response goes on at once', async () => {
  const { url, queue } = await start();
  queue.answer = async () => void order.push('enqueue');
  expect((await fetch(`${url}/flushed`)).status).toBe(200);
  expect(order).toEqual(['enqueue', 'flushed']);
  expect(seen).toEqual([false]);
});

test('tasks that are added in mid-stream are enqueued before the next piece leaves', async () => {
  const { port, queue, runner } = await start();
  const client = await RawClient.connect(port);
  let hanging: ReturnType<FakeQueue['hang']> | undefined;
  queue.answer = async () => {
    hanging = queue.hang();
  };
  client.request('/events');
  await client.receives('one');
  goOn.resolve();
  await expect.poll(() => queue.calls).toBe(2);
  for (let i = 0; i < 50; i++) {
    await turn();
  }
  expect(client.received).not.toContain('two');
  hanging!.answer();
  await client.receives('two');
  await runner.drain();
  expect(queue.stored).toEqual([onSuccess, ['in mid-stream']]);
});

test('a queue that refuses in mid-stream is told of in the log, and the stream goes on', async () => {
  const { url, queue, runner, log } = await start();
  queue.answer = async () => queue.refuse();
  const response = await fetch(`${url}/events`);
  expect(response.status).toBe(200);
  goOn.resolve();
  expect(await response.text()).toContain('two');
  await runner.drain();
  expect(queue.names).toEqual(onSuccess);
  expect(log.said('error').map(({ message }) => message)).toEqual([expect.stringContaining('Mailer.send')]);
  expect(runner.stats()).toMatchObject({ failed: 1, pending: 0 });
});

test('an invalid header is still the handler’s error', async () => {
  const { url, queue } = await start();
  expect((await fetch(`${url}/invalid-header`)).status).toBe(500);
  expect(queue.names).toEqual(onFailure);
});

test.each([
  ['message', 'ERR_INVALID_CHAR'],
  ['message-before', 'ERR_INVALID_CHAR'],
  ['list', 'ERR_INVALID_CHAR'],
  ['odd-list', 'ERR_INVALID_ARG_VALUE'],
  ['encoding', 'ERR_UNKNOWN_ENCODING'],
])('what Node refuses is the caller’s error: %s', async (what, code) => {
  const { url, queue, log } = await start();
  const response = await fetch(`${url}/catches/${what}`);
  expect([response.status, await response.text()]).toEqual([400, 'caught']);
  expect(seen).toEqual([code]);
  expect(queue.stored).toEqual([onFailure]);
  expect(log.said('error')).toEqual([]);
});

test('a status that is set after the answer doesn’t change it', async () => {
  const { url, queue } = await start();
  const hanging = queue.hang();
  const response = fetch(`${url}/late-status`);
  await expect.poll(() => queue.calls).toBe(1);
  hanging.answer();
  expect([(await response).status, (await response).statusText]).toEqual([200, 'OK']);
});

// The response can’t be held any more, and it has to stay whole.
test.each([
  ['end', 'whole'],
  ['write', 'piece, whole'],
])('a patch of %s that adds the first task breaks nothing, and its task is enqueued', async (method, body) => {
  const { url, queue, runner } = await start();
  const hanging = queue.hang();
  const response = fetch(`${url}/wraps/${method}`);
  await expect.poll(() => queue.calls).toBe(1);
  hanging.answer();
  expect((await response).status).toBe(200);
  expect(await (await response).text()).toBe(body);
  await runner.drain();
  expect(queue.stored).toEqual([['audit']]);
});

test('a client that leaves while its answer is held loses nothing', async () => {
  for (const path of ['returned', 'raw', 'file']) {
    const { port, queue, runner } = await start();
    const hanging = queue.hang();
    const client = await RawClient.connect(port);
    client.request(`/${path}`);
    await expect.poll(() => queue.calls).toBe(1);
    client.leave();
    await turn();
    hanging.answer();
    await runner.drain();
    expect(queue.stored).toEqual([onSuccess]);
  }
});

test('a HEAD request', async () => {
  const { url, queue } = await start();
  expect((await fetch(`${url}/returned`, { method: 'HEAD' })).status).toBe(200);
  expect(queue.stored).toEqual([onSuccess]);
  queue.refuse();
  const refused = await fetch(`${url}/returned`, { method: 'HEAD' });
  expect(refused.status).toBe(503);
  expect(await refused.text()).toBe('');
});

test('pipelined requests keep their order on a connection that is kept alive', async () => {
  const { port, queue } = await start();
  const first = queue.hang();
  const client = await RawClient.connect(port);
  client.pipeline(['/plain/1', '/plain/2', '/plain/3']);
  await expect.poll(() => queue.calls).toBe(3);
  expect(client.received).toBe('');
  first.answer();
  await client.receives('3'.repeat(1_000));
  const [one, two, three] = ['1', '2', '3'].map((text) => client.received.indexOf(text.repeat(1_000)));
  expect(one).toBeLessThan(two!);
  expect(two).toBeLessThan(three!);
  client.leave();
});

test('a 503 keeps what browsers need, and no other header of the dropped answer', async () => {
  const { url, queue } = await start();
  queue.refuse();
  const { headers } = await fetch(`${url}/plain/x`);
  expect(headers.get('cache-control')).toBeNull();
  expect(headers.get('etag')).toBeNull();
  expect(headers.get('access-control-allow-origin')).toBe('*');
});

test('a 503 keeps what enableCors() sets', async () => {
  const { url, queue } = await start(undefined, (app) => app.enableCors({ origin: true, credentials: true }));
  queue.refuse();
  const { status, headers } = await fetch(`${url}/returned`, { headers: { origin: 'http://elsewhere.test' } });
  expect(status).toBe(503);
  expect(headers.get('access-control-allow-origin')).toBe('http://elsewhere.test');
  expect(headers.get('access-control-allow-credentials')).toBe('true');
  expect(headers.get('vary')).toContain('Origin');
});

test('an application that closes gives a held answer up: a 503, and its tasks are cancelled', async () => {
  const { url, queue, app, log } = await start();
  const hanging = queue.hang();
  const response = fetch(`${url}/returned`);
  await expect.poll(() => queue.calls).toBe(1);
  const closed = app.close();
  expect((await response).status).toBe(503);
  expect((await response).headers.get('connection')).toBe('close');
  await closed;
  expect(log.said('warn').map(({ message }) => message)).toEqual([
    expect.stringContaining('Shutdown: 0 task(s) settled. 3 did not settle'),
  ]);
  hanging.answer();
  await expect.poll(() => queue.cancelled).toHaveLength(2);
});

/** What the package compression does: it patches the methods, and writes later by what it has patched. */
function compress(
  response: ServerResponse,
  begin = () => void (response.headersSent || response.writeHead(response.statusCode)),
): void {
  const { write, end, writeHead } = response as unknown as Record<
    'write' | 'end' | 'writeHead',
    (...a: unknown[]) => boolean
  >;
  let gzip: Gzip | undefined;
  response.writeHead = ((...args: unknown[]) => {
    response.writeHead = writeHead as never;
    gzip = createGzip();
    response.setHeader('x-encoding', 'gzip');
    response.removeHeader('content-length');
    const headers = args.at(-1) as Record<string, unknown>;
    if (typeof headers === 'object') {
      delete headers['content-length'];
    }
    gzip.on('data', (chunk) => !write.call(response, chunk) && gzip!.pause());
    gzip.on('end', () => end.call(response));
    response.on('drain', () => gzip!.resume());
    return writeHead.apply(response, args);
  }) as never;
  response.write = ((chunk: never) => {
    begin();
    return gzip!.write(chunk);
  }) as never;
  response.end = ((chunk: never) => {
    begin();
    return gzip!.end(chunk ?? undefined);
  }) as never;
  Object.assign(response, { flush: () => gzip?.flush(constants.Z_SYNC_FLUSH) });
}

/** What it did before version 1.8: it looked at what Node keeps for itself. */
function compressAsBefore(response: ServerResponse): void {
  const internals = response as unknown as { ['_header']: string | null; ['_implicitHeader'](): void };
  compress(response, () => {
    if (!internals['_header']) {
      internals['_implicitHeader']();
    }
  });
}

/** What the package express-session does: it saves before the answer ends, and writes all but the last byte before. */
function saveSession(response: ServerResponse): void {
  const { write, end } = response as unknown as Record<'write' | 'end', (...a: unknown[]) => boolean>;
  let isEnded = false;
  response.end = ((chunk: string | Buffer = '') => {
    if (isEnded) {
      return false;
    }
    isEnded = true;
    if (!response.headersSent) {
      response.setHeader('set-cookie', 'session=1');
    }
    const bytes = Buffer.from(chunk);
    void turn().then(() => end.call(response, bytes.subarray(-1)));
    return write.call(response, bytes.subarray(0, -1));
  }) as never;
}

describe.each([
  ['compression', (response: ServerResponse) => compress(response)],
  ['compression of old', compressAsBefore],
  ['a session', saveSession],
])('beside %s', (name, patch) => {
  const read = async (response: Response) => {
    const bytes = Buffer.from(await response.arrayBuffer());
    if (response.headers.get('x-encoding') !== 'gzip') {
      return bytes.toString();
    }
    const gunzip = createGunzip();
    gunzip.end(bytes);
    return Buffer.concat(await gunzip.toArray()).toString();
  };

  test.each(['inside', 'outside'])('that patches %s of ours', async (side) => {
    patchOutside = side === 'outside' ? patch : undefined;
    const { url, queue } = await start((_request, response, next) => {
      if (side === 'inside') {
        patch(response);
      }
      next();
    });
    const hanging = queue.hang();
    const response = fetch(`${url}/plain/x`);
    await expect.poll(() => queue.calls).toBe(1);
    hanging.answer();
    expect(await read(await response)).toBe('x'.repeat(1_000));
    expect(name.startsWith('compression') ? (await response).headers.get('x-encoding') : 'gzip').toBe('gzip');
    expect(queue.names).toEqual(['x']);
    queue.refuse();
    const refused = await fetch(`${url}/plain/x`);
    expect(refused.status).toBe(503);
    expect(JSON.parse(await read(refused))).toMatchObject({ statusCode: 503 });
  });

  test.runIf(name.startsWith('compression')).each(['inside', 'outside'])(
    'that patches %s of ours, what it flushes leaves',
    async (side) => {
      patchOutside = side === 'outside' ? patch : undefined;
      const { url, queue } = await start((_request, response, next) => {
        if (side === 'inside') {
          patch(response);
        }
        next();
      });
      const hanging = queue.hang();
      const response = fetch(`${url}/compressed`);
      await expect.poll(() => queue.calls).toBe(1);
      hanging.answer();
      const gunzip = createGunzip();
      const pieces: Buffer[] = [];
      gunzip.on('data', (piece: Buffer) => pieces.push(piece));
      const reader = (await response).body!.getReader();
      while (Buffer.concat(pieces).toString() !== 'one, two') {
        gunzip.write((await reader.read()).value);
        await new Promise<void>((done) => gunzip.flush(() => done()));
      }
      goOn.resolve();
      while (!(await reader.read()).done);
    },
  );
});
