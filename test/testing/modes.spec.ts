import { type INestApplication, Body, Controller, Get, HttpException, type ModuleMetadata, Post } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import request from 'supertest';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { BackgroundTasks, BackgroundTasksModule, chain, step, TaskRunner, Tasks } from 'nestjs-background-tasks';
import { type TestMode, TestTasks, TestTasksModule } from 'nestjs-background-tasks/testing';
import { Gate } from '../fixtures/gate.ts';
import { adapter, platform, scope } from '../fixtures/place.ts';
import { RecordingLogger } from '../fixtures/recording-logger.ts';
import { done, failures, Mailer, Reports } from './fixtures.ts';

@Controller()
class UsersController {
  constructor(
    private readonly tasks: BackgroundTasks,
    private readonly mailer: Mailer,
    private readonly reports: Reports,
    private readonly runner: TaskRunner,
  ) {}

  @Post('users')
  register(@Body() { email }: { email: string }) {
    this.tasks.addTask(this.mailer, 'sendWelcome', email);
    this.tasks.with({ delay: 60_000 }).addTask(this.reports, 'build', 'May');
    this.tasks.addTask(this.mailer, 'sendBill', email, { total: 3, items: [] });
    this.tasks.with({ runOn: 'failure' }).addTask(() => done.push('registered in vain'));
    return { email };
  }

  @Post('refused')
  refused(@Tasks() tasks: BackgroundTasks) {
    tasks.addTask(() => done.push('on success'));
    tasks.with({ runOn: 'failure' }).addTask(() => done.push('on failure'));
    tasks.with({ runOn: 'failure' }).addTask(this.mailer, 'bounce', 'a@b.c');
    throw new HttpException('refused', 409);
  }

  @Get('bounce')
  bounce() {
    this.tasks.addTask(this.mailer, 'bounce', 'a@b.c');
    this.tasks.addTask(() => done.push('after the bounce'));
    return 'answered';
  }

  @Get('refuse')
  refuse() {
    this.tasks.addTask(this.mailer, 'refuse');
    return 'answered';
  }

  @Get('refuse-durable')
  refuseDurable() {
    this.tasks.addTask(this.reports, 'refuse');
    return 'answered';
  }

  @Get('refuse-in-chain')
  refuseInChain() {
    this.tasks.addTask(chain(step(this.reports, 'refuse'), step(this.reports, 'build', 'May')));
    return 'answered';
  }

  @Get('retried')
  retried() {
    const backoff = { type: 'fixed', delay: 60_000 } as const;
    let attempts = 0;
    this.tasks.with({ attempts: 3, backoff }).addTask(() => {
      if (++attempts < 3) {
        throw new RangeError('not yet');
      }
      done.push(`attempt ${attempts}`);
    });
    this.tasks.addTask(this.reports, 'flaky');
    return 'answered';
  }

  @Get('started')
  started() {
    this.runner.start(this.mailer, 'sendWelcome', 'ada@example.com');
    this.runner.with({ delay: 60_000 }).start(this.reports, 'build', 'May');
    this.runner.start(() => {
      this.runner.start(this.mailer, 'sendWelcome', 'eve@example.com');
    });
    this.runner.start(this.mailer, 'bounce', 'a@b.c');
    this.tasks.addTask(() => done.push('of the request'));
    return 'answered';
  }

  @Get('started-in-vain')
  startedInVain() {
    this.runner.start(this.mailer, 'sendWelcome', 'ada@example.com');
    throw new HttpException('refused', 409);
  }

  @Get('more')
  more(@Tasks() tasks: BackgroundTasks) {
    tasks.addTask(() => {
      done.push('first');
      tasks.addTask(async () => {
        await Promise.resolve();
        done.push('added by the first');
      });
    });
    return 'answered';
  }
}

/** Adds tasks of both kinds that run at once: each ends when the others have begun. */
@Controller('parallel')
class ParallelController {
  readonly #allBegun = new Gate();
  #begun = 0;

  constructor(private readonly reports: Reports) {}

  @Post()
  add(@Tasks() tasks: BackgroundTasks) {
    const parallel = tasks.with({ execution: 'parallel' });
    for (const name of ['a', 'b', 'c']) {
      parallel.addTask(() => this.#meet(name));
    }
    parallel.addTask(this.reports, 'build', 'May');
    return 'answered';
  }

  @Post('failing')
  fail(@Tasks() tasks: BackgroundTasks) {
    const parallel = tasks.with({ execution: 'parallel' });
    parallel.addTask(() => {
      throw new RangeError('one of three');
    });
    parallel.addTask(() => done.push('another'));
    tasks.addTask(() => done.push('in order'));
    return 'answered';
  }

  async #meet(name: string) {
    if (++this.#begun === 3) {
      this.#allBegun.open();
    }
    await this.#allBegun.opened;
    done.push(name);
  }
}

async function start(mode: TestMode, { imports = [] }: ModuleMetadata = {}) {
  const log = new RecordingLogger();
  const moduleRef = await Test.createTestingModule({
    imports: [BackgroundTasksModule.forRoot({ scope }), TestTasksModule.forRoot({ mode }), ...imports],
    controllers: [UsersController, ParallelController],
    providers: [Mailer, Reports],
  })
    .setLogger(log)
    .compile();
  const app: INestApplication = moduleRef.createNestApplication(adapter());
  await app.init();
  await (app.getHttpAdapter().getInstance() as { ready?: () => Promise<void> }).ready?.();
  onTestFinished(() => app.close());
  return { http: request(app.getHttpServer()), tasks: moduleRef.get(TestTasks), log, app };
}

beforeEach(() => {
  done.length = 0;
  failures.left = 0;
});

describe('inline', () => {
  test('tasks run in order before the response, durable ones too, without their delays', async () => {
    const { http, tasks } = await start('inline');
    await http.post('/users').send({ email: 'ada@example.com' }).expect(201, { email: 'ada@example.com' });
    expect(done.toSorted()).toEqual(['bill ada@example.com 3', 'report May', 'welcome ada@example.com from localhost']);
    expect(done.indexOf('bill ada@example.com 3')).toBeGreaterThan(
      done.indexOf('welcome ada@example.com from localhost'),
    );
    expect(tasks.added().map(({ name, status }) => [name, status])).toEqual([
      ['Mailer.sendWelcome', 'completed'],
      ['Reports.build', 'completed'],
      ['Mailer.sendBill', 'completed'],
      [expect.any(String), 'skipped'],
    ]);
  });

  test('runOn goes by the answer of the handler, and an error of a task leaves an answer of 400 or more as it is', async () => {
    const { http } = await start('inline');
    await http.post('/refused').expect(409);
    expect(done).toEqual(['on failure']);
  });

  test('what a task throws is the answer: 500, and those after it are skipped', async () => {
    const { http, tasks } = await start('inline');
    await http.get('/bounce').expect(500, { statusCode: 500, message: 'Internal server error' });
    expect(done).toEqual([]);
    expect(tasks.added().map(({ status }) => status)).toEqual(['failed', 'skipped']);
  });

  test('an HttpException keeps its status and body, of a durable task too', async () => {
    const { http } = await start('inline');
    await http.get('/refuse').expect(422, { statusCode: 422, message: 'not an address' });
    await http.get('/refuse-durable').expect(404, { statusCode: 404, message: 'no such month' });
    await http.get('/refuse-in-chain').expect(404, { statusCode: 404, message: 'no such month' });
  });

  test('retries don’t wait for their backoff', async () => {
    failures.left = 2;
    const { http } = await start('inline');
    await http.get('/retried').expect(200, 'answered');
    expect(done.toSorted()).toEqual(['attempt 3', 'flaky', 'flaky', 'flaky']);
  });

  test('the response waits for tasks that its handler starts by TaskRunner; their errors are not the answer', async () => {
    const { http, tasks } = await start('inline');
    await http.get('/started').expect(200, 'answered');
    expect(done.toSorted()).toEqual([
      'of the request',
      'report May',
      'welcome ada@example.com from localhost',
      'welcome eve@example.com from localhost',
    ]);
    await expect(tasks.run()).rejects.toThrow(new RangeError('no mailbox a@b.c'));
    await http.get('/started-in-vain').expect(409);
    expect(done).toHaveLength(5);
  });

  test('tasks that a task adds run before the response', async () => {
    const { http } = await start('inline');
    await http.get('/more').expect(200);
    expect(done).toEqual(['first', 'added by the first']);
  });
});

describe('background', () => {
  test('tasks run after the response, and run() waits for them', async () => {
    const { http, tasks } = await start('background');
    await http.post('/users').send({ email: 'ada@example.com' }).expect(201);
    expect(await tasks.run()).toEqual([]);
    expect(done).toHaveLength(3);
  });

  test('the client gets the answer of the handler, and run() throws what a task threw', async () => {
    const { http, tasks } = await start('background');
    await http.get('/bounce').expect(200, 'answered');
    await expect(tasks.run()).rejects.toThrow(new RangeError('no mailbox a@b.c'));
  });
});

describe('manual', () => {
  test('nothing runs until the test says so', async () => {
    const { http, tasks } = await start('manual');
    await http.post('/users').send({ email: 'ada@example.com' }).expect(201);
    await http.get('/more').expect(200);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(done).toEqual([]);
    expect(tasks.added({ status: 'pending' })).toHaveLength(5);
    await tasks.run();
    expect(done).toHaveLength(5);
    expect(tasks.added({ status: 'pending' })).toEqual([]);
  });

  test('tasks that a request added belong to no other request', async () => {
    const { http, tasks } = await start('manual');
    await http.get('/bounce').expect(200);
    await http.post('/users').send({ email: 'eve@example.com' }).expect(201);
    expect(await tasks.run({ errors: 'collect' })).toEqual([new RangeError('no mailbox a@b.c')]);
    expect(done).toContain('welcome eve@example.com from localhost');
    expect(done).not.toContain('after the bounce');
  });

  test('an application closes at once, and what did not run is cancelled', async () => {
    const { http, tasks, app, log } = await start('manual');
    await http.post('/users').send({ email: 'ada@example.com' }).expect(201);
    const began = performance.now();
    await app.close();
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(done).toEqual([]);
    expect(tasks.added({ name: 'Mailer.sendBill' })).toMatchObject([{ status: 'cancelled' }]);
    expect([...log.said('warn'), ...log.said('error')]).toEqual([]);
  });
});

describe.each<TestMode>(['background', 'inline', 'manual'])('in the mode %s', (mode) => {
  test('parallel tasks run at once', async () => {
    const { http, tasks } = await start(mode);
    await http.post('/parallel').expect(201, 'answered');
    if (mode === 'inline') {
      expect(done).toHaveLength(4);
    }
    expect(await tasks.run()).toEqual([]);
    expect(done.toSorted()).toEqual(['a', 'b', 'c', 'report May']);
  });

  test('a parallel task that fails stops no other', async () => {
    const { http, tasks } = await start(mode);
    await http.post('/parallel/failing').expect(mode === 'inline' ? 500 : 201);
    await expect(tasks.run()).rejects.toThrow('one of three');
    expect(done.toSorted()).toEqual(['another', 'in order']);
  });

  test.runIf(platform === 'fastify')('tasks of requests that Fastify injects run', async () => {
    const { app, tasks } = await start(mode);
    const { inject } = app as NestFastifyApplication;
    const add = async () => {
      const payload = { email: 'ada@example.com' };
      const answer = await inject.call(app, { method: 'POST', url: '/users', payload });
      expect([answer.statusCode, answer.json()]).toEqual([201, payload]);
    };
    await add();
    if (mode !== 'background') {
      expect(done).toHaveLength(mode === 'manual' ? 0 : 3);
    }
    await tasks.run();
    expect(done).toHaveLength(3);

    const fastify = (app as NestFastifyApplication).getHttpAdapter().getInstance();
    const answer = await fastify.inject('/bounce');
    expect(answer.statusCode).toBe(mode === 'inline' ? 500 : 200);
    await expect(tasks.run()).rejects.toThrow(new RangeError('no mailbox a@b.c'));
  });
});
