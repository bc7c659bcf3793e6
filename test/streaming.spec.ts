import { Readable } from 'node:stream';
import { Controller, Get, Head, Header, Redirect, Render, Res, Sse, StreamableFile } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { ServerResponse } from 'node:http';
import { from, map } from 'rxjs';
import { beforeEach, expect, test } from 'vitest';
import { BackgroundTasks, Tasks } from 'nestjs-background-tasks';
import { platform, RawResponse } from './fixtures/place.ts';
import { startApp } from './fixtures/start-app.ts';

let events: string[];

beforeEach(() => {
  events = [];
});

function addTask(tasks: BackgroundTasks, response: ServerResponse): void {
  response.once('finish', () => events.push('finish'));
  tasks.addTask(() => events.push('task'));
}

async function* threeChunks(): AsyncGenerator<string> {
  for (const chunk of ['one ', 'two ', 'three']) {
    await new Promise(setImmediate);
    events.push('chunk');
    yield chunk;
  }
}

@Controller()
class StreamController {
  @Get('file')
  @Header('X-Kept', 'yes')
  file(@Tasks() tasks: BackgroundTasks, @RawResponse() response: ServerResponse) {
    response.setHeader('Set-Cookie', 'kept=yes');
    addTask(tasks, response);
    return new StreamableFile(Readable.from(threeChunks(), { objectMode: false }));
  }

  @Get('iterable')
  iterable(@Tasks() tasks: BackgroundTasks, @RawResponse() response: ServerResponse) {
    addTask(tasks, response);
    return threeChunks();
  }

  @Sse('events')
  sse(@Tasks() tasks: BackgroundTasks, @Res() _own: unknown, @RawResponse() response: ServerResponse) {
    addTask(tasks, response);
    return from(threeChunks()).pipe(map((data) => ({ data })));
  }

  @Get('own-response')
  async ownResponse(@Tasks() tasks: BackgroundTasks, @Res() _own: unknown, @RawResponse() response: ServerResponse) {
    addTask(tasks, response);
    for await (const chunk of threeChunks()) {
      response.write(chunk);
    }
    response.end();
  }

  @Get('own-response-later')
  ownResponseLater(@Tasks() tasks: BackgroundTasks, @Res() _own: unknown, @RawResponse() response: ServerResponse) {
    addTask(tasks, response);
    Readable.from(threeChunks()).pipe(response);
  }

  @Get('template')
  @Render('page')
  template(@Tasks() tasks: BackgroundTasks, @RawResponse() response: ServerResponse) {
    addTask(tasks, response);
    return { title: 'page' };
  }

  @Get('redirect')
  @Redirect('/file', 307)
  redirect(@Tasks() tasks: BackgroundTasks, @RawResponse() response: ServerResponse) {
    addTask(tasks, response);
  }

  @Get('json')
  json(@Tasks() tasks: BackgroundTasks, @RawResponse() response: ServerResponse) {
    addTask(tasks, response);
    return { answer: 42 };
  }

  @Head('head')
  head(@Tasks() tasks: BackgroundTasks, @RawResponse() response: ServerResponse) {
    addTask(tasks, response);
    return 'not sent';
  }
}

type Row = [path: string, method: string, status: number, expected: string];
type Done = (error: null, page: string) => void;

async function ask(path: string, method = 'GET') {
  const { url, runner } = await startApp({ controllers: [StreamController] }, {}, (app) => {
    if (platform !== 'express') {
      return;
    }
    (app as NestExpressApplication).engine('html', (_path: string, { title }: { title: string }, done: Done) =>
      done(null, `<h1>${title}</h1>`),
    );
    (app as NestExpressApplication).setBaseViewsDir(import.meta.dirname + '/fixtures').setViewEngine('html');
  });
  const response = await fetch(url + path, { method, redirect: 'manual' });
  const body = await response.text();
  await runner.drain();
  return { response, body };
}

test.each([
  ['/file', 'one two three'],
  ['/iterable', 'one two three'],
  ['/own-response', 'one two three'],
  ['/own-response-later', 'one two three'],
  ['/events', 'data: one \n\ndata: two \n\ndata: three\n\n'],
])('the task runs after the last byte of %s', async (path, expected) => {
  const { body } = await ask(path);
  expect(body.replaceAll(/^(id: \d+)?\n?(?=data|$)/gm, '').trim()).toBe(expected.trim());
  expect(events).toEqual(['chunk', 'chunk', 'chunk', 'finish', 'task']);
});

// Fastify needs a plugin to render, and redirects without a body.
const template: Row[] = platform === 'express' ? [['/template', 'GET', 200, '<h1>page</h1>']] : [];

test.each<Row>([
  ...template,
  ['/redirect', 'GET', 307, platform === 'express' ? 'Temporary Redirect. Redirecting to /file' : ''],
  ['/json', 'GET', 200, '{"answer":42}'],
  ['/head', 'HEAD', 200, ''],
  ['/json', 'HEAD', 200, ''],
])('the task runs after the response: %s %s', async (path, method, status, expected) => {
  const { response, body } = await ask(path, method);
  expect([response.status, body]).toEqual([status, expected]);
  expect(events).toEqual(['finish', 'task']);
});

test('headers and cookies are kept', async () => {
  const { response } = await ask('/file');
  expect(response.headers.get('x-kept')).toBe('yes');
  expect(response.headers.get('set-cookie')).toContain('kept=yes');
});
