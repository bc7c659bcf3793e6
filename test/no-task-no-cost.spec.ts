import { Controller, Get } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { BackgroundTasks, Tasks } from 'nestjs-background-tasks';
import { RawResponse } from './fixtures/place.ts';
import { startApp } from './fixtures/start-app.ts';

function listenersOf(response: ServerResponse): number {
  return response.eventNames().reduce((count, name) => count + response.listenerCount(name), 0);
}

@Controller()
class CountingController {
  @Get('without')
  without(@RawResponse() response: ServerResponse) {
    return listenersOf(response);
  }

  @Get('unused')
  unused(@Tasks() tasks: BackgroundTasks, @RawResponse() response: ServerResponse) {
    expect(tasks.tasks).toEqual([]);
    return listenersOf(response);
  }

  @Get('used')
  used(@Tasks() tasks: BackgroundTasks, @RawResponse() response: ServerResponse) {
    for (let i = 0; i < 20; i++) {
      tasks.addTask(() => undefined);
    }
    return listenersOf(response);
  }
}

test('a request without a task costs no listener, one with many costs two', async () => {
  const { url, runner } = await startApp({ controllers: [CountingController] });
  const [without, unused, used] = await Promise.all(
    ['without', 'unused', 'used'].map(async (path) => Number(await (await fetch(`${url}/${path}`)).text())),
  );
  expect(unused).toBe(without);
  expect(used).toBe(without! + 2);
  await runner.drain();
});
