import { Controller, Get } from '@nestjs/common';
import { expect, test } from 'vitest';
import {
  BackgroundTasks,
  BackgroundTasksError,
  Tasks,
  TooManyTasksError,
  UnavailableError,
} from 'nestjs-background-tasks';
import { tooManyTasks } from '../lib/engine/engine.messages.ts';
import { Gate } from './fixtures/gate.ts';
import { startApp } from './fixtures/start-app.ts';

let gate: Gate;
let ran = 0;

@Controller()
class WorkController {
  @Get()
  get(@Tasks() tasks: BackgroundTasks) {
    tasks.with({ name: 'work' }).addTask(() => gate.opened.then(() => ran++));
    return 'accepted';
  }

  @Get('caught')
  caught(@Tasks() tasks: BackgroundTasks) {
    try {
      tasks.addTask(() => ran++);
    } catch (error) {
      return (error as Error).name;
    }
    return 'accepted';
  }
}

test('tasks beyond maxPending are refused with a 503, and all accepted tasks run', async () => {
  gate = new Gate();
  ran = 0;
  const { url, runner, log } = await startApp({ controllers: [WorkController] }, { maxPending: 5 });
  const responses = await Promise.all(Array.from({ length: 20 }, () => fetch(url)));
  const refused = responses.filter(({ status }) => status === 503);
  expect(responses.filter(({ ok }) => ok)).toHaveLength(5);
  expect(refused).toHaveLength(15);
  expect(refused.map(({ headers }) => headers.get('retry-after'))).toEqual(Array(15).fill('1'));
  expect(await refused[0]!.json()).toEqual({ statusCode: 503, message: 'Service Unavailable' });
  const caught = await fetch(`${url}/caught`);
  expect([caught.status, await caught.text()]).toEqual([200, 'TooManyTasksError']);
  expect(caught.headers.get('retry-after')).toBeNull();
  expect(runner.stats()).toMatchObject({ pending: 0, running: 5 });
  // A line for each refused request would add to the load.
  expect(log.entries.filter(({ level }) => level !== 'log')).toEqual([]);
  gate.open();
  await runner.drain();
  expect(ran).toBe(5);
  expect((await fetch(url)).status).toBe(200);
});

test('the error says which limit is reached, and what to do', async () => {
  gate = new Gate();
  const { runner } = await startApp({}, { maxPending: 1 });
  runner.start(() => gate.opened);
  let error: unknown;
  try {
    runner.with({ name: 'second' }).start(() => undefined);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toMatchObject({ name: 'TooManyTasksError', message: tooManyTasks('second', 1), status: 503 });
  for (const type of [TooManyTasksError, UnavailableError, BackgroundTasksError, Error]) {
    expect(error).toBeInstanceOf(type);
  }
  expect(new Error('another')).not.toBeInstanceOf(BackgroundTasksError);
  gate.open();
});

test('tasks that never run free their places', async () => {
  const { runner } = await startApp({}, { maxPending: 1 });
  for (let i = 0; i < 5; i++) {
    expect(
      runner
        .with({ delay: 100_000 })
        .start(() => undefined)
        .cancel(),
    ).toBe(true);
  }
  await expect(runner.start(() => 'room').settled()).resolves.toMatchObject({ status: 'completed' });
});

test('a handler that is refused many times answers as it likes', async () => {
  gate = new Gate();
  @Controller()
  class StubbornController {
    @Get()
    get(@Tasks() tasks: BackgroundTasks) {
      let refused = 0;
      for (let i = 0; i < 20_000; i++) {
        try {
          tasks.addTask(() => gate.opened);
        } catch {
          refused++;
        }
      }
      return { refused };
    }
  }
  const { url } = await startApp({ controllers: [StubbornController] }, { maxPending: 1 });
  const response = await fetch(url);
  expect([response.status, await response.json()]).toEqual([200, { refused: 19_999 }]);
  gate.open();
});
