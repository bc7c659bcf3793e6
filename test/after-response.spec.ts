import { Controller, Get, Injectable } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { BackgroundTasks } from 'nestjs-background-tasks';
import { inOrder } from './fixtures/by-design.ts';
import { RawResponse } from './fixtures/place.ts';
import { startApp } from './fixtures/start-app.ts';

const events: string[] = [];

@Injectable()
class Mailer {
  readonly #sender = 'noreply';

  send(to: string): void {
    events.push(`mail from ${this.#sender} to ${to}`);
  }
}

@Controller()
class MailController {
  constructor(
    private readonly tasks: BackgroundTasks,
    private readonly mailer: Mailer,
  ) {}

  @Get()
  send(@RawResponse() response: ServerResponse): string {
    response.once('finish', () => events.push('finish'));
    this.tasks.addTask(this.mailer, 'send', 'a');
    this.tasks.addTask((to: string) => events.push(`sync to ${to}`), 'b');
    this.tasks.addTask(async (to: string) => {
      await new Promise(setImmediate);
      events.push(`async to ${to}`);
    }, 'c');
    this.tasks.addTask(this.mailer, 'send', 'd');
    events.push('handler');
    return 'sent';
  }
}

test('sync and async tasks, functions and methods, run in order after the response', async () => {
  const { url, runner } = await startApp({ controllers: [MailController], providers: [Mailer] });
  const response = await fetch(url);
  expect(await response.text()).toBe('sent');
  await runner.drain();
  const expected = ['handler', 'finish', 'mail from noreply to a', 'sync to b', 'async to c', 'mail from noreply to d'];
  expect(events[0]).toBe('handler');
  expect(inOrder(events, ['start', 'order'])).toEqual(inOrder(expected, ['start', 'order']));
});
