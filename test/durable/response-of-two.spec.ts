// One response that two applications see: a handler hands it to an application of Express, or to one of Nest.
import type { AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { Controller, Get, Injectable, Module, Req, Res, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import express, { type Express, type Request, type Response } from 'express';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type BackgroundTasks, BackgroundTasksModule, Task, Tasks } from 'nestjs-background-tasks';
import { FakeQueue } from '../fixtures/fake-queue.ts';
import { RecordingLogger } from '../fixtures/recording-logger.ts';

@Injectable()
class Mailer {
  @Task({ queue: 'mail' })
  send(_who: string) {}
}

const mailer = new Mailer();

/** Adds a durable task, and lets another application answer. */
function outerController(answer: (request: Request, response: Response) => void): Type {
  @Controller()
  class OuterController {
    @Get('mail')
    mail(@Tasks() tasks: BackgroundTasks, @Req() request: Request, @Res() response: Response) {
      tasks.addTask(mailer, 'send', 'outer');
      answer(request, response);
    }
  }
  return OuterController;
}

@Controller()
class InnerController {
  @Get('mail')
  mail(@Tasks() tasks: BackgroundTasks) {
    tasks.addTask(mailer, 'send', 'inner');
    return { ok: true };
  }
}

async function create(controller: Type) {
  @Module({ imports: [BackgroundTasksModule.forRoot()], controllers: [controller] })
  class AppModule {}
  const app = await NestFactory.create(AppModule, { logger: new RecordingLogger() });
  onTestFinished(() => app.close());
  return app;
}

/** @returns the queue of the application, and what requests a page of it */
async function listen(controller: Type) {
  const app = await create(controller);
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  return { queue: FakeQueue.in(app), get: () => fetch(`http://127.0.0.1:${port}/mail`) };
}

/** Expects that nothing of an answer comes while a queue hangs. */
async function expectHeld(queue: FakeQueue, answer: Promise<unknown>): Promise<void> {
  let isAnswered = false;
  void answer.then(() => (isAnswered = true));
  await expect.poll(() => queue.calls).toBe(1);
  for (let i = 0; i < 50; i++) {
    await turn();
  }
  expect(isAnswered).toBe(false);
}

test('an application of Express, which gives the response a prototype of its own', async () => {
  const other = express();
  other.get('/mail', (_request, response) => void response.status(201).json({ ok: true }));
  const { queue, get } = await listen(outerController(other));
  const hanging = queue.hang();
  const held = get();
  await expectHeld(queue, held);
  hanging.answer();
  const answer = await held;
  expect([answer.status, await answer.json()]).toEqual([201, { ok: true }]);
  expect(queue.stored).toEqual([['outer']]);
  queue.refuse();
  expect((await get()).status).toBe(503);
});

describe('an application of Nest with durable tasks of its own', () => {
  async function start() {
    const inner = await create(InnerController);
    await inner.init();
    const { queue: outerQueue, get } = await listen(outerController(inner.getHttpAdapter().getInstance() as Express));
    return { outerQueue, innerQueue: FakeQueue.in(inner), get };
  }

  test('the answer waits for both queues', async () => {
    const { outerQueue, innerQueue, get } = await start();
    const outer = outerQueue.hang();
    const inner = innerQueue.hang();
    const held = get();
    await expectHeld(innerQueue, held);
    inner.answer();
    await expectHeld(outerQueue, held);
    outer.answer();
    const answer = await held;
    expect([answer.status, await answer.json()]).toEqual([200, { ok: true }]);
    expect([outerQueue.stored, innerQueue.stored]).toEqual([[['outer']], [['inner']]]);
  });

  test.each(['outerQueue', 'innerQueue'] as const)('the client gets a 503 if the %s refuses', async (name) => {
    const queues = await start();
    queues[name].refuse();
    const answer = await queues.get();
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await answer.json()).toEqual({ statusCode: 503, message: 'Service Unavailable' });
  });
});
