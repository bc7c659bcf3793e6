// One response that two applications see: a handler hands it to an application of Express, or to one of Nest.
import { Controller, Get, Injectable, Req, Res, type Type } from '@nestjs/common';
import express, { type Express, type Request, type Response } from 'express';
import { describe, expect, test } from 'vitest';
import { type BackgroundTasks, Task, Tasks } from 'nestjs-background-tasks';
import { expectHeld } from '../fixtures/expect-held.ts';
import { FakeQueue } from '../fixtures/fake-queue.ts';
import { startApp } from '../fixtures/start-app.ts';

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

/** @returns the application, its queue, and what requests a page of it */
async function start(controller: Type) {
  const { app, url } = await startApp({ controllers: [controller] });
  return { app, queue: FakeQueue.in(app), get: () => fetch(`${url}/mail`) };
}

test('an application of Express, which gives the response a prototype of its own', async () => {
  const other = express();
  other.get('/mail', (_request, response) => void response.status(201).json({ ok: true }));
  const { queue, get } = await start(outerController(other));
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
  async function startBoth() {
    const inner = await start(InnerController);
    const outer = await start(outerController(inner.app.getHttpAdapter().getInstance() as Express));
    return { outerQueue: outer.queue, innerQueue: inner.queue, get: outer.get };
  }

  test('the answer waits for both queues', async () => {
    const { outerQueue, innerQueue, get } = await startBoth();
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
    const queues = await startBoth();
    queues[name].refuse();
    const answer = await queues.get();
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await answer.json()).toEqual({ statusCode: 503, message: 'Service Unavailable' });
  });
});
