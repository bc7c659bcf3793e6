import { Controller, Get } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { BackgroundTasks, Tasks } from 'nestjs-background-tasks';
import { RawClient } from './fixtures/raw-client.ts';
import { RawResponse } from './fixtures/place.ts';
import { startApp } from './fixtures/start-app.ts';

/** More than the operating system accepts from a sender when the receiver doesn't read. */
const HUGE = 'x'.repeat(50_000_000);

let ran = false;
let response: ServerResponse | undefined;

@Controller()
class HugeController {
  @Get()
  get(@Tasks() tasks: BackgroundTasks, @RawResponse() res: ServerResponse) {
    response = res;
    tasks.addTask(() => (ran = true));
    return HUGE;
  }
}

test('no task starts before a slow client has been sent everything', async () => {
  const { port, runner } = await startApp({ controllers: [HugeController] });
  const client = await RawClient.connect(port);
  client.pause();
  client.request('/');
  await expect.poll(() => response?.writableEnded).toBe(true);
  for (let turn = 0; turn < 100; turn++) {
    await new Promise(setImmediate);
  }
  expect(response?.writableFinished).toBe(false);
  expect(ran).toBe(false);
  client.resume();
  await runner.drain(10_000);
  expect(ran).toBe(true);
  expect(response?.writableFinished).toBe(true);
});
