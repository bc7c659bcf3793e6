import { Agent, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { Controller, Get, Param, ParseIntPipe, Query, Res, StreamableFile } from '@nestjs/common';
import { expect, onTestFinished, test } from 'vitest';
import { BackgroundTasks, Tasks } from 'nestjs-background-tasks';
import { RawResponse } from './fixtures/place.ts';
import { startApp } from './fixtures/start-app.ts';

const REQUESTS = 1_000;
const CONNECTIONS = 20;

/** The order of events in the server, by request. */
const events = new Map<number, string[]>();

function note(id: number, event: string): void {
  events.set(id, [...(events.get(id) ?? []), event]);
}

const LONG = 'x'.repeat(2_000_000);

@Controller()
class KindsController {
  @Get('short/:id')
  short(@Param('id', ParseIntPipe) id: number, @Tasks() tasks: BackgroundTasks) {
    tasks.addTask(note, id, 'task');
    tasks.addTask(async () => note(id, 'task'));
    return 'short';
  }

  @Get('long/:id')
  long(@Param('id', ParseIntPipe) id: number, @Tasks() tasks: BackgroundTasks) {
    tasks.addTask(note, id, 'task');
    tasks.addTask(note, id, 'task');
    return LONG;
  }

  @Get('streamed/:id')
  streamed(@Param('id', ParseIntPipe) id: number, @Tasks() tasks: BackgroundTasks) {
    tasks.addTask(note, id, 'task');
    tasks.addTask(note, id, 'task');
    return new StreamableFile(Readable.from(['one', LONG, 'three'], { objectMode: false }));
  }

  @Get('own/:id')
  own(
    @Param('id', ParseIntPipe) id: number,
    @Query('x') _x: string,
    @Tasks() tasks: BackgroundTasks,
    @Res() _own: unknown,
    @RawResponse() response: ServerResponse,
  ) {
    tasks.addTask(note, id, 'task');
    response.write('one');
    response.end('two', () => tasks.addTask(note, id, 'task'));
  }
}

test(`over ${REQUESTS} requests of all kinds, no task starts before the last byte was sent`, async () => {
  const { port, runner } = await startApp({ controllers: [KindsController] }, {}, (app) => {
    // Otherwise the server may close an idle connection just when the next request uses it.
    (app.getHttpServer() as Server).keepAliveTimeout = 0;
    app.use((req: IncomingMessage, res: ServerResponse, next: () => void) => {
      const id = Number(req.url?.split('/').at(-1));
      res.once('finish', () => note(id, handedOn(res) ? 'finish' : 'finish with bytes left'));
      next();
    });
  });
  const keepAlive = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const closing = new Agent({ keepAlive: false, maxSockets: CONNECTIONS });
  onTestFinished(() => keepAlive.destroy());
  const kinds = ['short', 'long', 'streamed', 'own'];
  await Promise.all(
    Array.from({ length: REQUESTS }, async (_, id) => {
      const agent = Math.floor(id / kinds.length) % 2 ? keepAlive : closing;
      const path = `/${kinds[id % kinds.length]}/${id}`;
      const [response] = (await once(request({ agent, host: '127.0.0.1', port, path }).end(), 'response')) as [
        Readable,
      ];
      await response.resume().toArray();
    }),
  );
  await runner.drain();
  expect(events.size).toBe(REQUESTS);
  for (const [id, order] of events) {
    expect(order, `request ${id}`).toEqual(['finish', 'task', 'task']);
  }
});

function handedOn(response: ServerResponse): boolean {
  return response.writableFinished && (response.req.socket.destroyed || response.req.socket.writableLength === 0);
}
