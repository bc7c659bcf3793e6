// Responses that another package, or the application, has changed before a durable task is added.
import { Readable } from 'node:stream';
import { Controller, Get, Injectable, Req, Res } from '@nestjs/common';
import express, { type Request, type Response } from 'express';
import { expect, test } from 'vitest';
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
const unbound = express.response as unknown as Record<
  'end' | 'setHeader',
  (this: unknown, ...args: unknown[]) => Response
>;

interface Case {
  before?: (response: Response) => void;
  answer: (response: Response, request: Request) => void;
  body?: string;
  header?: string;
}

const cases: Record<string, Case> = {
  'a flag is fixed': {
    before: (it) => Object.defineProperty(it, 'headersSent', { get: () => false }),
    answer: (it) => it.end('x'),
  },
  'methods are bound, and called without their response': {
    before: (it) => {
      it.write = it.write.bind(it);
      it.end = it.end.bind(it);
      it.setHeader = it.setHeader.bind(it);
    },
    answer: ({ setHeader, write, end }) => {
      setHeader('x-header', 'bound');
      Readable.from(['x', 'y'])
        .on('data', write)
        .on('end', () => end());
    },
    body: 'xy',
    header: 'bound',
  },
  'an object derives from the response': {
    answer: (it) => {
      const derived = Object.create(it) as Response;
      derived.setHeader('x-header', 'derived');
      derived.end('x');
    },
    header: 'derived',
  },
  'the prototype has a method as read-only': {
    before: (it) => {
      const prototype = Object.create(Object.getPrototypeOf(it) as object) as object;
      Object.setPrototypeOf(it, Object.defineProperty(prototype, 'end', { value: unbound.end }));
    },
    answer: (it) => it.end('x'),
  },
  'an application of Express with an `end` of its own answers': {
    answer: (it, request) => {
      const other = express();
      Object.assign(other.response, {
        end(this: Response, ...args: unknown[]) {
          if (!this.headersSent) {
            this.setHeader('x-header', 'other');
          }
          return unbound.end.apply(this, args);
        },
      });
      other.get('/mail', (_request, response) => void response.end('x'));
      other(request, it);
    },
    header: 'other',
  },
};

async function start({ before, answer }: Case) {
  @Controller()
  class MailController {
    @Get('mail')
    mail(@Tasks() tasks: BackgroundTasks, @Req() request: Request, @Res() response: Response) {
      before?.(response);
      tasks.addTask(mailer, 'send', 'ada');
      answer(response, request);
    }
  }
  const { app, url } = await startApp({ controllers: [MailController] });
  return { queue: FakeQueue.in(app), get: () => fetch(`${url}/mail`) };
}

test.each(Object.keys(cases))('%s: the answer waits for the queue, and is a 503 if it refuses', async (name) => {
  const { body = 'x', header = null } = cases[name]!;
  const { queue, get } = await start(cases[name]!);
  const hanging = queue.hang();
  const held = get();
  await expectHeld(queue, held);
  hanging.answer();
  const answer = await held;
  expect([answer.status, answer.headers.get('x-header'), await answer.text()]).toEqual([200, header, body]);
  expect(queue.stored).toEqual([['ada']]);
  queue.refuse();
  expect((await get()).status).toBe(503);
});
