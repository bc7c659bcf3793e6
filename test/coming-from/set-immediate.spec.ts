// docs/coming-from/set-immediate.md: each row of its tables, and each of its examples, runs. So does what is lost without
// the package.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { promisify } from 'node:util';
import { BadRequestException, Controller, Get, Injectable, Post, Res } from '@nestjs/common';
import type { Response } from 'express';
import request from 'supertest';
import { beforeEach, describe, expect, test } from 'vitest';
import { BackgroundTasks, TaskRegistry, TaskRunner, Tasks } from 'nestjs-background-tasks';
import { Gate } from '../fixtures/gate.ts';
import { startApp } from '../fixtures/start-app.ts';
import { comingFrom } from './page.ts';

const { row, check } = comingFrom('set-immediate');

let ran: unknown[] = [];
beforeEach(() => {
  ran = [];
});
const note = (value: unknown) => void ran.push(value);

@Injectable()
export class Mailer {
  async sendWelcome(to: string) {
    ran.push(`welcome ${to}`);
  }
}

// #region ours
@Controller('users')
export class UsersController {
  constructor(private readonly mailer: Mailer) {}

  @Post()
  register(@Tasks() tasks: BackgroundTasks) {
    tasks.addTask(this.mailer, 'sendWelcome', 'ada@example.com');
    return { status: 'registered' };
  }
}
// #endregion

// #region runner
@Injectable()
export class Warmer {
  constructor(
    private readonly runner: TaskRunner,
    private readonly mailer: Mailer,
  ) {}

  start() {
    return this.runner.start(this.mailer, 'sendWelcome', 'bob@example.com');
  }
}
// #endregion

type Handler = (tasks: BackgroundTasks, response: Response) => unknown;

async function serve(handler: Handler, options = {}) {
  @Controller()
  class AppController {
    @Get()
    handle(@Tasks() tasks: BackgroundTasks, @Res({ passthrough: true }) response: Response) {
      return handler(tasks, response);
    }
  }
  return startApp({ controllers: [AppController] }, { shutdownTimeout: 10_000, ...options });
}

/** How a process ends that runs a script. */
const codeOf = (script: string) =>
  promisify(execFile)(process.execPath, ['-e', script]).then(
    () => 0,
    ({ code }: { code: number }) => code,
  );

const fail = () => {
  throw new Error('no');
};

describe('setImmediate', () => {
  row('It may run before the response has left.', async () => {
    const order: string[] = [];
    const { url, runner } = await serve(async (tasks, response) => {
      response.once('finish', () => order.push('response'));
      setImmediate(() => order.push('setImmediate'));
      tasks.addTask(() => order.push('task'));
      await new Promise((resolve) => setTimeout(resolve, 20));
    });
    await request(url).get('/').expect(200);
    await runner.drain();
    expect(order).toEqual(['setImmediate', 'response', 'task']);
  });
  row('An error ends the process.', async () => {
    expect(await codeOf("setImmediate(() => { throw new Error('no') })")).toBe(1);
    expect(await codeOf("setImmediate(async () => { throw new Error('no') })")).toBe(1);
    const { url, runner, log } = await serve((tasks) => void tasks.addTask(fail));
    await request(url).get('/').expect(200);
    await runner.drain();
    expect(log.said('error')).toHaveLength(1);
  });
  row('It runs also if the handler fails.', async () => {
    const { url, runner } = await serve((tasks) => {
      setImmediate(note, 'setImmediate');
      tasks.addTask(note, 'task');
      tasks.with({ runOn: 'failure' }).addTask(note, 'after a failure');
      throw new BadRequestException();
    });
    await request(url).get('/').expect(400);
    await runner.drain();
    expect(ran).toEqual(['setImmediate', 'after a failure']);
  });
  row('A shutdown ends the process in the middle of the work.', async () => {
    const work = 'await new Promise((resolve) => setTimeout(resolve, 200)); process.exitCode = 3;';
    // What Nest does at the end of a shutdown by a signal: it sends itself the signal again.
    expect(await codeOf(`setImmediate(async () => { ${work} }); setTimeout(() => process.exit(4), 50);`)).toBe(4);
    const gate = new Gate();
    const { url, app } = await serve((tasks) => {
      tasks.addTask(() => gate.opened);
      tasks.addTask(note, 'the last');
    });
    app.enableShutdownHooks();
    await request(url).get('/').expect(200);
    const closed = app.close();
    gate.open();
    await closed;
    expect(ran).toEqual(['the last']);
  });
  row('Two of them run at the same time.', async () => {
    const gate = new Gate();
    const { url, runner } = await serve((tasks) => {
      tasks.addTask(async () => {
        await gate.opened;
        note(1);
      });
      tasks.addTask(note, 2);
    });
    await request(url).get('/').expect(200);
    gate.open();
    await runner.drain();
    expect(ran).toEqual([1, 2]);
  });
  row('Under load they pile up without a limit.', async () => {
    const { url } = await serve(
      (tasks) => {
        tasks.with({ delay: 60_000 }).addTask(note, 1);
        tasks.addTask(note, 2);
      },
      { maxPending: 1, shutdownTimeout: 1 },
    );
    await request(url).get('/').expect(503);
  });
  row('Nothing tells what became of it.', async () => {
    let id = '';
    const { url, app, runner } = await serve((tasks) => {
      const task = tasks.addTask(() => 42);
      id = task.id;
    });
    await request(url).get('/').expect(200);
    await runner.drain();
    const registry = app.get(TaskRegistry);
    expect(await registry.get(id)).toMatchObject({ status: 'completed', result: 42 });
  });
  row('A test has to wait by a timer.', async () => {
    const { url, runner } = await serve((tasks) => void tasks.addTask(note, 'ran'));
    await request(url).get('/').expect(200);
    await runner.drain();
    expect(ran).toEqual(['ran']);
  });
  row('Long work blocks the server, and nothing says which.', async () => {
    const { url, runner, log } = await serve((tasks) => {
      tasks.addTask(function slow() {
        const end = performance.now() + 100;
        while (performance.now() < end);
      });
    });
    await request(url).get('/').expect(200);
    await runner.drain();
    expect(log.said('warn').map(({ message }) => message)).toEqual([expect.stringContaining('slow')]);
  });
});

describe("res.on('finish')", () => {
  row('It never comes if the client leaves.', async () => {
    const gate = new Gate();
    const begun = new Gate();
    const { port, runner } = await serve(async (tasks, response) => {
      response.once('finish', () => note('finish'));
      tasks.addTask(note, 'task');
      begun.open();
      await gate.opened;
    });
    const client = connect(port, '127.0.0.1');
    await once(client, 'connect');
    client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await begun.opened;
    client.destroy();
    await once(client, 'close');
    // The server has noticed it when another request is served.
    await request(`http://127.0.0.1:${port}`).get('/unknown').expect(404);
    gate.open();
    await expect.poll(() => runner.stats().completed).toBe(1);
    expect(ran).toEqual(['task']);
  });
  row('It comes after an error too.', async () => {
    const { url, runner } = await serve((tasks, response) => {
      response.once('finish', () => note(`finish ${response.statusCode}`));
      tasks.addTask(note, 'task');
      throw new BadRequestException();
    });
    await request(url).get('/').expect(400);
    await runner.drain();
    expect(ran).toEqual(['finish 400']);
  });
  row('Its code before the first `await` holds up the next request of the connection.', async () => {
    const { url, runner } = await serve((tasks) => void tasks.addTask(note, 'task'));
    await request(url).get('/').expect(200);
    await request(url).get('/').expect(200);
    await runner.drain();
    expect(ran).toEqual(['task', 'task']);
  });
  row('Express and Fastify have different responses.', async () => {
    const { url, app, runner } = await startApp({ controllers: [UsersController], providers: [Mailer] });
    await request(url).post('/users').expect(201, { status: 'registered' });
    await runner.drain();
    expect(app.get(Mailer)).toBeDefined();
    expect(ran).toEqual(['welcome ada@example.com']);
  });
});

test('the example of TaskRunner', async () => {
  const { app, runner } = await startApp({ providers: [Mailer, Warmer] });
  app.get(Warmer).start();
  await runner.drain();
  expect(ran).toEqual(['welcome bob@example.com']);
});

check();
