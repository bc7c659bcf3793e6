import { Controller, Get, Req, Res } from '@nestjs/common';
import { ContextIdFactory } from '@nestjs/core';
import type { ServerResponse } from 'node:http';
import { beforeEach, expect, test } from 'vitest';
import { BackgroundTasks, Tasks } from 'nestjs-background-tasks';
import { Gate } from './fixtures/gate.ts';
import { rawOf, RawResponse } from './fixtures/place.ts';
import { startApp } from './fixtures/start-app.ts';

let ran: string[];
let kept: BackgroundTasks;
let over: Gate;
const keptRequests: object[] = [];
const responses: WeakRef<object>[] = [];

beforeEach(() => {
  ran = [];
  over = new Gate();
});

@Controller()
class LateController {
  @Get('nested')
  nested(@Tasks() tasks: BackgroundTasks) {
    const add = (name: string, depth: number): void => {
      tasks.addTask(() => {
        ran.push(name);
        if (depth > 0) {
          add(`${name}.1`, depth - 1);
          add(`${name}.2`, 0);
        }
      });
    };
    add('a', 2);
    add('b', 0);
  }

  @Get('kept')
  kept(@Tasks() tasks: BackgroundTasks) {
    kept = tasks;
  }

  @Get('forgotten')
  forgotten(@Tasks() tasks: BackgroundTasks, @Req() request: object, @RawResponse() response: ServerResponse) {
    tasks.addTask(() => ran.push('in time'));
    kept = tasks;
    keptRequests.push(request);
    responses.push(new WeakRef(rawOf(response)));
  }

  @Get('answers-first')
  async answersFirst(@Tasks() tasks: BackgroundTasks, @Res() _own: unknown, @RawResponse() response: ServerResponse) {
    response.end('answered');
    tasks.addTask(() => ran.push(`in the same tick, finish: ${finished}`));
    let finished = false;
    response.once('finish', () => (finished = true));
    await new Promise((resolve) => response.once('close', resolve));
    tasks.addTask(() => ran.push('when it was over'));
    over.open();
  }
}

const start = () => startApp({ controllers: [LateController] });

test('tasks that tasks add join the end of the same list', async () => {
  const { url, runner } = await start();
  await fetch(`${url}/nested`);
  await runner.drain();
  expect(ran).toEqual(['a', 'b', 'a.1', 'a.2', 'a.1.1', 'a.1.2']);
});

test('a task that is added after the list has ended starts at once, in a later turn', async () => {
  const { url, runner } = await start();
  await fetch(`${url}/kept`);
  for (const round of ['first', 'second']) {
    kept.addTask(() => ran.push(round));
    expect(ran).not.toContain(round);
    await runner.drain();
    expect(ran).toContain(round);
  }
  const records = await Promise.all(kept.tasks.map((task) => task.settled()));
  expect(records.map(({ status }) => status)).toEqual(['completed', 'completed']);
});

test('a task that is added after the handler has answered runs after the response', async () => {
  const { url, runner } = await start();
  expect(await (await fetch(`${url}/answers-first`)).text()).toBe('answered');
  await over.opened;
  await runner.drain();
  expect(ran).toEqual(['in the same tick, finish: true', 'when it was over']);
});

test('a task without a request starts at once, with any runOn', async () => {
  const { app, runner } = await start();
  const contextId = ContextIdFactory.create();
  const tasks = await app.resolve(BackgroundTasks, contextId);
  tasks.addTask(() => ran.push('one'));
  tasks.with({ runOn: 'failure' }).addTask(() => ran.push('two'));
  expect(ran).toEqual([]);
  await runner.drain();
  expect(ran).toEqual(['one', 'two']);
});

test('a task that adds itself again and again leaves nothing behind', async () => {
  const { app, runner } = await start();
  const tasks = await app.resolve(BackgroundTasks, ContextIdFactory.create());
  let rounds = 0;
  const again = (): void => {
    if (++rounds < 5_000) {
      tasks.addTask(again);
    }
  };
  tasks.addTask(again);
  await runner.drain();
  expect(rounds).toBe(5_000);
  expect(tasks.tasks.length).toBeLessThanOrEqual(1_000);
});

test('what keeps a request of Fastify, or its tasks, keeps no response', async ({ skip }) => {
  const { url, runner, app } = await start();
  skip(app.getHttpAdapter().getType() === 'express', 'a request of Express holds its response');
  await fetch(`${url}/forgotten`);
  await runner.drain();
  // The server and the connection know the latest response.
  await (await fetch(`${url}/nested`, { headers: { connection: 'close' } })).text();
  await runner.drain();
  await expect
    .poll(async () => {
      await new Promise(setImmediate);
      globalThis.gc!();
      return responses[0]!.deref();
    })
    .toBeUndefined();
  kept.addTask(() => ran.push('late'));
  await runner.drain();
  expect(ran.at(0)).toBe('in time');
  expect(ran.at(-1)).toBe('late');
});
