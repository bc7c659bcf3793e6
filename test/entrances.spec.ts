import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Controller, Get, Module, Scope } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { expect, onTestFinished, test } from 'vitest';
import { BackgroundTasks, BackgroundTasksModule } from 'nestjs-background-tasks';

@Controller()
class VisitController {
  constructor(private readonly tasks: BackgroundTasks) {}

  @Get('visit')
  visit() {
    this.tasks.addTask(() => undefined);
    // Outside of a request, it has no list.
    return this.tasks.tasks.length;
  }
}

@Module({ imports: [BackgroundTasksModule.forRoot({ scope: Scope.DEFAULT })], controllers: [VisitController] })
class AppModule {}

const newServer = () => new ExpressAdapter().getInstance();

async function start(server = newServer()) {
  const app = await NestFactory.create(AppModule, new ExpressAdapter(server), { logger: false });
  onTestFinished(() => app.close());
  await app.init();
  return server;
}

async function serve(listener: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const answerOf = async (url: string) => (await fetch(url, { headers: { connection: 'close' } })).text();

test('a singleton finds the request of a further server', async () => {
  expect(await answerOf(`${await serve(await start())}/visit`)).toBe('1');
});

test('a singleton finds the request in an application that is mounted in another one', async () => {
  const outer = newServer().use('/inner', await start());
  expect(await answerOf(`${await serve(outer)}/inner/visit`)).toBe('1');
});

test('middleware that the server had before Nest calls the next one later', async () => {
  const server = newServer();
  server.use((_request: unknown, _response: unknown, next: () => void) => void setImmediate(next));
  expect(await answerOf(`${await serve(await start(server))}/visit`)).toBe('1');
});

test('middleware that the server had before Nest adds tasks to its request', async () => {
  const server = newServer();
  let tasks: BackgroundTasks;
  server.use((_request: unknown, _response: unknown, next: () => void) => {
    tasks.addTask(() => undefined);
    next();
  });
  const app = await NestFactory.create(AppModule, new ExpressAdapter(server), { logger: false });
  onTestFinished(() => app.close());
  await app.init();
  tasks = app.get(BackgroundTasks);
  expect(await answerOf(`${await serve(server)}/visit`)).toBe('2');
});
