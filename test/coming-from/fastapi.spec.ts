// docs/coming-from/fastapi.md: each row of its table, and each of its examples, runs.
import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { CacheModule, CACHE_MANAGER, type Cache } from '@nestjs/cache-manager';
import {
  type CanActivate,
  Controller,
  ForbiddenException,
  Get,
  Injectable,
  Module,
  type OnApplicationBootstrap,
  Post,
  Query,
  Scope,
  StreamableFile,
  UseGuards,
} from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { Pool } from 'pg';
import request from 'supertest';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { BackgroundTasks, BackgroundTasksModule, TaskRegistry, TaskRunner, Tasks } from 'nestjs-background-tasks';
import { TestTasks, TestTasksModule } from 'nestjs-background-tasks/testing';
import { Gate } from '../fixtures/gate.ts';
import { startApp } from '../fixtures/start-app.ts';
import { comingFrom } from './page.ts';
import { Analytics, AnalyticsInterceptor } from './fastapi/analytics.interceptor.ts';
import { DataController, RequestLog } from './fastapi/data.controller.ts';
import { DurableController, DurableMailer } from './fastapi/durable.controller.ts';
import { FilesController, LargeFiles } from './fastapi/files.controller.ts';
import { ItemsController } from './fastapi/items.controller.ts';
import { NotificationsController } from './fastapi/notifications.controller.ts';
import { PostsController } from './fastapi/posts.controller.ts';
import { QueryController } from './fastapi/query.controller.ts';
import { RegisterController } from './fastapi/register.controller.ts';
import { generateReport } from './fastapi/report.task.ts';
import { ReportsController } from './fastapi/reports.controller.ts';
import { Sessions } from './fastapi/sessions.service.ts';
import { done, SignupController } from './fastapi/signup.controller.ts';
import { UserPostsController, UserStats } from './fastapi/stats.controller.ts';
import { completed, StepsController } from './fastapi/steps.controller.ts';
import { TrackingController } from './fastapi/tracking.controller.ts';
import { Mailer, UsersController } from './fastapi/users.controller.ts';

const { row, check } = comingFrom('fastapi');

/** The examples write files where the application runs. */
const root = process.cwd();
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coming-from-'));
  process.chdir(folder);
});
afterAll(async () => {
  process.chdir(root);
  await rm(folder, { recursive: true });
});
beforeEach(() => rm(join(folder, 'log.txt'), { force: true }));
const log = () => readFile(join(folder, 'log.txt'), 'utf8');

let ran: unknown[] = [];
beforeEach(() => {
  ran = [];
});
const note = (value: unknown) => void ran.push(value);

type Handler = (tasks: BackgroundTasks) => unknown;

/** Calls a handler, and returns what the application has logged and the status of the response. */
async function handle(handler: Handler, options = {}) {
  @Controller()
  class AppController {
    @Post()
    handle(@Tasks() tasks: BackgroundTasks) {
      return handler(tasks);
    }
  }
  const started = await startApp({ controllers: [AppController] }, options);
  const { status, body } = await request(started.url).post('/');
  return { ...started, status, body: body as unknown };
}

describe('the table', () => {
  row('`background_tasks: BackgroundTasks`, a parameter', async () => {
    @Controller()
    class AppController {
      constructor(private readonly injected: BackgroundTasks) {}

      @Post()
      handle(@Tasks() tasks: BackgroundTasks) {
        tasks.addTask(note, 'a parameter');
        this.injected.addTask(note, 'injected');
      }
    }
    const { url, runner } = await startApp({ controllers: [AppController] });
    await request(url).post('/').expect(201);
    await runner.drain();
    expect(ran).toEqual(['a parameter', 'injected']);
  });

  row('`background_tasks.add_task(send, to, subject="Hi")`', async () => {
    const send = (to: string, options: { subject: string }) => note(`${to} ${options.subject}`);
    const to = 'ada@example.com';
    const { runner } = await handle((tasks) => {
      tasks.addTask(send, to, { subject: 'Hi' });
    });
    await runner.drain();
    expect(ran).toEqual(['ada@example.com Hi']);
  });

  row('`async def` tasks run on the event loop', async () => {
    const load = async () => {
      await new Promise(setImmediate);
      note('loaded');
    };
    const { runner } = await handle((tasks) => void tasks.addTask(load));
    await runner.drain();
    expect(ran).toEqual(['loaded']);
  });

  row('`def` tasks run in a pool of 40 threads', async () => {
    const { runner, app } = await handle((tasks) => tasks.addTask(generateReport, 1, 'sales').id);
    await runner.drain();
    const [record] = await app.get(TaskRegistry).list({ name: 'generateReport' });
    expect(record).toMatchObject({ status: 'completed', result: { file: 'user_1_sales.txt' } });
  });

  row('Tasks run in the order in which they were added.', async () => {
    const { runner } = await handle((tasks) => {
      tasks.addTask(note, 1);
      tasks.addTask(note, 2);
    });
    await runner.drain();
    expect(ran).toEqual([1, 2]);
  });

  row('A task that raises ends the tasks after it.', async () => {
    const fail = () => {
      throw new Error('no');
    };
    const { runner } = await handle((tasks) => {
      tasks.with({ onFailure: 'continue' }).addTask(fail);
      tasks.addTask(note, 'after');
      tasks.addTask(fail);
      tasks.addTask(note, 'never');
    });
    await runner.drain();
    expect(ran).toEqual(['after']);
    expect(runner.stats()).toMatchObject({ failed: 2, completed: 1, skipped: 1 });
  });

  row('A raised `HTTPException` drops all tasks.', async () => {
    const { runner, status } = await handle((tasks) => {
      tasks.addTask(note, 'dropped');
      tasks.with({ runOn: 'failure' }).addTask(note, 'failure');
      tasks.with({ runOn: 'always' }).addTask(note, 'always');
      throw new ForbiddenException();
    });
    await runner.drain();
    expect(status).toBe(403);
    expect(ran).toEqual(['failure', 'always']);
  });

  row('Dependencies (`Depends`) add tasks to the same collection.', async () => {
    @Injectable()
    class Guard implements CanActivate {
      constructor(private readonly tasks: BackgroundTasks) {}

      canActivate() {
        this.tasks.addTask(note, 'guard');
        return true;
      }
    }
    @Controller()
    class AppController {
      @Post()
      @UseGuards(Guard)
      handle(@Tasks() tasks: BackgroundTasks) {
        tasks.addTask(note, 'handler');
      }
    }
    const { url, runner } = await startApp({ controllers: [AppController] });
    await request(url).post('/').expect(201);
    await runner.drain();
    expect(ran).toEqual(['guard', 'handler']);
  });

  row('`JSONResponse(…, background=BackgroundTask(send))`', async () => {
    const send = () => note('sent');
    const { runner } = await handle((tasks) => void tasks.addTask(send));
    await runner.drain();
    expect(ran).toEqual(['sent']);
  });

  row('`StreamingResponse`, `FileResponse`: tasks run after the last byte.', async () => {
    const order: string[] = [];
    @Controller()
    class AppController {
      @Get()
      handle(@Tasks() tasks: BackgroundTasks) {
        tasks.addTask(() => order.push('task'));
        const body = Readable.from(['a', 'b'].values()).on('end', () => order.push('body'));
        return new StreamableFile(body);
      }
    }
    const { url, runner } = await startApp({ controllers: [AppController] });
    expect(await (await fetch(url)).text()).toBe('ab');
    await runner.drain();
    expect(order).toEqual(['body', 'task']);
  });

  row('`asyncio.gather(a(), b())` in a task', async () => {
    const gate = new Gate();
    const a = () => gate.opened;
    const b = () => gate.open();
    const { runner } = await handle((tasks) => {
      tasks.with({ execution: 'parallel' }).addTask(a);
      tasks.with({ execution: 'parallel' }).addTask(b);
    });
    await runner.drain(10_000);
    expect(runner.stats()).toMatchObject({ completed: 2 });
  });

  row('A task has no id, no status and no result.', async () => {
    let id = '';
    const { runner, app } = await handle((tasks) => {
      const task = tasks.addTask(() => 42);
      id = task.id;
    });
    await runner.drain();
    const registry = app.get(TaskRegistry);
    expect(await registry.get(id)).toMatchObject({ status: 'completed', result: 42 });
  });

  row('`try`, `except` and a logger in each task', async () => {
    const seen: string[] = [];
    const gate = new Gate();
    const { runner, log: lines } = await handle((tasks) => {
      tasks.addTask(async function sync() {
        await gate.opened;
        throw new Error('the CRM is away');
      });
    });
    runner.events.subscribe(({ type, task }) => seen.push(`${type} ${task.name}`));
    gate.open();
    await runner.drain();
    expect(lines.said('error')).toHaveLength(1);
    expect(seen).toContain('failed sync');
  });

  row('No retries', async () => {
    let times = 0;
    const sync = () => {
      times++;
      if (times < 3) {
        throw new Error('the CRM is away');
      }
    };
    const { runner } = await handle((tasks) => {
      tasks.with({ attempts: 3, backoff: { type: 'exponential', delay: 1 } }).addTask(sync);
    });
    await runner.drain();
    expect(times).toBe(3);
  });

  row('No limit of time, no way to cancel', async () => {
    const wait = () => new Promise<never>(() => undefined);
    let cancelled = '';
    const { runner, app } = await handle((tasks) => {
      tasks.with({ timeout: 20, onFailure: 'continue' }).addTask(wait);
      const task = tasks.addTask(wait);
      cancelled = task.id;
    });
    const id = cancelled;
    const registry = app.get(TaskRegistry);
    await registry.cancel(id);
    await runner.drain(10_000);
    expect(runner.stats()).toMatchObject({ failed: 1, cancelled: 1 });
  });

  row('A task uses a session of `Depends(get_db)`, which is closed by then.', async () => {
    let sessions = 0;
    @Injectable({ scope: Scope.REQUEST })
    class Session {
      readonly number = ++sessions;
    }
    @Injectable({ scope: Scope.REQUEST })
    class Stats {
      constructor(private readonly session: Session) {}

      update(userId: number) {
        note(`user ${userId}, session ${this.session.number}`);
      }
    }
    const userId = 5;
    @Controller()
    class AppController {
      @Post()
      handle(@Tasks() tasks: BackgroundTasks) {
        tasks.addTask(Stats, 'update', userId);
      }
    }
    const { url, runner } = await startApp({ controllers: [AppController], providers: [Session, Stats] });
    await request(url).post('/').expect(201);
    await runner.drain();
    expect(ran).toEqual(['user 5, session 1']);
  });

  row('Context variables are copied to a task.', async () => {
    const tenant = new AsyncLocalStorage<string>();
    const { runner } = await handle((tasks) => {
      tenant.run('blue', () => tasks.addTask(() => note(tenant.getStore())));
    });
    await runner.drain();
    expect(ran).toEqual(['blue']);
  });

  row('Work at the start (`lifespan`) needs `asyncio.create_task`.', async () => {
    const warmUp = () => note('warm');
    @Injectable()
    class Start implements OnApplicationBootstrap {
      constructor(private readonly runner: TaskRunner) {}

      onApplicationBootstrap() {
        this.runner.start(warmUp);
      }
    }
    const { runner } = await startApp({ providers: [Start] });
    await runner.drain();
    expect(ran).toEqual(['warm']);
  });

  row('A shutdown ends or loses tasks.', async () => {
    const gate = new Gate();
    const { app } = await handle((tasks) => {
      tasks.addTask(() => gate.opened);
      tasks.addTask(note, 'the last');
    });
    app.enableShutdownHooks();
    const closed = app.close();
    gate.open();
    await closed;
    expect(ran).toEqual(['the last']);
  });

  row('`TestClient` returns when the tasks have run.', async () => {
    @Controller()
    class AppController {
      @Post()
      handle(@Tasks() tasks: BackgroundTasks) {
        tasks.addTask(note, 'before the response');
      }
    }
    const { url } = await startApp({
      controllers: [AppController],
      imports: [TestTasksModule.forRoot({ mode: 'inline' })],
    });
    await request(url).post('/').expect(201);
    expect(ran).toEqual(['before the response']);
  });

  row('Heavy computing: another process', async () => {
    const { runner } = await handle((tasks) => tasks.addTask(generateReport, 2, 'heavy').id);
    await runner.drain();
    expect(runner.stats()).toMatchObject({ completed: 1 });
  });

  row('Several servers, tasks that survive: Celery', async () => {
    const { url, app } = await startApp({
      controllers: [DurableController],
      providers: [DurableMailer],
      imports: [TestTasksModule.forRoot({ mode: 'manual' })],
    });
    await request(url).post('/send-email').send({ to: 'ada@example.com', subject: 'Hi' }).expect(201);
    expect(app.get(TestTasks).added({ queue: 'mail' })).toHaveLength(1);
  });
});

describe('the examples', () => {
  test('the first task', async () => {
    const { url, runner } = await startApp({ controllers: [NotificationsController] });
    const response = await request(url).post('/send-notification/ada@example.com').expect(201);
    expect(response.body).toEqual({ message: 'Notification sent in the background' });
    await runner.drain();
    expect(await log()).toBe('notification for ada@example.com: some notification');
  });

  test('parameters', async () => {
    const resize = (file: string, width: number, options: { format: string; quality: number }) =>
      note([file, width, options]);
    const { runner } = await handle((tasks) => {
      // #region parameters
      tasks.addTask(resize, 'cat.png', 300, { format: 'webp', quality: 80 });
      // #endregion
    });
    await runner.drain();
    expect(ran).toEqual([['cat.png', 300, { format: 'webp', quality: 80 }]]);
  });

  test('a dependency', async () => {
    const { url, runner } = await startApp({ controllers: [QueryController] });
    await request(url).post('/send-notification/ada@example.com?q=cats').expect(201);
    await runner.drain();
    expect(await log()).toBe('found query: cats\nmessage to ada@example.com\n');
    await request(url).post('/send-notification/bob@example.com').expect(201);
    await runner.drain();
    expect(await log()).toContain('cats\nmessage to ada@example.com\nmessage to bob@example.com\n');
  });

  test('an async task calls a service', async () => {
    const bodies: string[] = [];
    const server = createServer((incoming, response) => {
      incoming.on('data', (chunk: Buffer) => bodies.push(chunk.toString()));
      incoming.on('end', () => response.end());
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    vi.stubEnv('MAIL_API', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    onTestFinished(() => void vi.unstubAllEnvs());
    const { url, runner } = await startApp({ controllers: [RegisterController] });
    await request(url).post('/register').send({ email: 'ada@example.com', password: 'x' }).expect(201);
    await runner.drain();
    expect(bodies).toEqual(['{"email":"ada@example.com","message":"Welcome! Your account has been created."}']);
  });

  test('a welcome mail', async () => {
    const { url, app, runner } = await startApp({ controllers: [UsersController], providers: [Mailer] });
    const user = { username: 'Ada', email: 'ada@example.com', password: 'x' };
    const { body } = await request(url).post('/users').send(user).expect(201);
    expect(body).toEqual({ userId: 123, email: 'ada@example.com' });
    await runner.drain();
    expect(app.get(Mailer).sent).toEqual(['ada@example.com: Hello Ada, welcome to our service!']);
  });

  test('the cache after a write', async () => {
    const { url, app, runner } = await startApp({ controllers: [PostsController], imports: [CacheModule.register()] });
    await request(url).post('/posts').send({ title: 'Cats', content: 'They purr.' }).expect(201);
    await runner.drain();
    expect(await app.get<Cache>(CACHE_MANAGER).get('post:456')).toBe('Cats|They purr.');
  });

  test('a report', async () => {
    const { url, runner } = await startApp({ controllers: [ReportsController] });
    const { body } = await request(url).post('/reports').send({ userId: 3, type: 'sales' }).expect(201);
    const { id } = body as { id: string };
    await runner.drain();
    const status = await request(url).get(`/reports/${id}`).expect(200);
    expect(status.body).toEqual({ status: 'completed', progress: 0.5, result: { file: 'user_3_sales.txt' } });
    expect(await readFile(join(folder, 'user_3_sales.txt'), 'utf8')).toMatch(/^sales 0 of user 3\n/);
    await request(url).get('/reports/unknown').expect(404);
  });

  test('analytics of each request', async () => {
    @Controller('items')
    class CatalogController {
      @Get()
      list(@Query('page') page: string) {
        return { page };
      }
    }
    const { url, app, runner } = await startApp({
      controllers: [CatalogController],
      providers: [Analytics, { provide: APP_INTERCEPTOR, scope: Scope.REQUEST, useClass: AnalyticsInterceptor }],
    });
    await request(url).get('/items?page=2').expect(200);
    await runner.drain();
    expect(app.get(Analytics).saved).toEqual([{ endpoint: '/items', durationMs: expect.any(Number) as number }]);
  });

  test.each([
    ['process', ['first x', 'second x', 'third x']],
    ['parallel', ['second x', 'first x']],
  ])('several tasks: %s', async (path, expected) => {
    completed.length = 0;
    const { url, runner } = await startApp({ controllers: [StepsController] });
    await request(url).post(`/${path}`).send({ data: 'x' }).expect(201);
    await runner.drain();
    expect(completed).toEqual(expected);
  });

  test('statistics in the database', async () => {
    const query = vi.fn();
    const { url, runner } = await startApp({
      controllers: [UserPostsController],
      providers: [UserStats, { provide: Pool, useValue: { query } }],
    });
    await request(url).post('/posts').send({ title: 'Cats', userId: 9 }).expect(201);
    await runner.drain();
    expect(query).toHaveBeenCalledWith(expect.stringContaining('UPDATE user_stats'), [9]);
  });

  test('a line in a log', async () => {
    const { url, runner } = await startApp({ controllers: [ItemsController] });
    await request(url).post('/items').send({ name: 'cup' }).expect(201);
    await runner.drain();
    expect(await log()).toMatch(/Item created: 1\n$/);
  });

  test('three tasks of a sign-up', async () => {
    const { url, runner } = await startApp({ controllers: [SignupController] });
    await request(url).post('/signup').send({ email: 'ada@example.com' }).expect(201);
    await runner.drain();
    expect(done).toEqual(['welcome to ada@example.com', 'admin knows of user 7', 'new_signup']);
  });

  test('a dependency of a route', async () => {
    const { url, app, runner } = await startApp({ controllers: [DataController], providers: [RequestLog] });
    await request(url).get('/data').expect(200);
    await runner.drain();
    expect(app.get(RequestLog).requests).toEqual([`GET /data ${new Date().getFullYear()}`]);
  });

  test('an error, and retries', async () => {
    let times = 0;
    const syncContacts = async () => {
      times++;
      throw new Error('the CRM is away');
    };
    const { runner, log: lines } = await handle((tasks) => {
      // #region errors
      tasks.with({ attempts: 3 }).addTask(syncContacts);
      // #endregion
    });
    await runner.drain();
    expect(times).toBe(3);
    expect(lines.said('error')).toHaveLength(1);
  });

  test('in place of Celery: a file and its status', async () => {
    const { url, app } = await startApp({
      controllers: [FilesController],
      providers: [LargeFiles],
      imports: [TestTasksModule.forRoot({ mode: 'manual' })],
    });
    const sent = await request(url).post('/process').send({ name: 'coming-from.txt', text: 'a\nb' }).expect(201);
    const { id, status } = sent.body as { id: string; status: string };
    const path = join(tmpdir(), 'coming-from.txt');
    onTestFinished(() => rm(path));
    expect(status).toBe('pending');
    await app.get(TestTasks).run();
    const { body } = await request(url).get(`/process/${id}`).expect(200);
    expect(body).toEqual({ status: 'completed', result: { path, lines: 2 } });
  });

  test('in place of ARQ', async () => {
    const { url, app } = await startApp({
      controllers: [DurableController],
      providers: [DurableMailer],
      imports: [TestTasksModule.forRoot({ mode: 'manual' })],
    });
    const { body } = await request(url).post('/send-email').send({ to: 'ada@example.com', subject: 'Hi' }).expect(201);
    expect(body).toEqual({ id: expect.any(String) as string, status: 'queued' });
    await app.get(TestTasks).run();
    expect(app.get(DurableMailer).sent).toEqual(['ada@example.com: Hi']);
  });

  test('in place of APScheduler', async () => {
    const query = vi.fn();
    const { app } = await startApp({
      providers: [Sessions, { provide: Pool, useValue: { query } }],
      imports: [TestTasksModule.forRoot({ mode: 'manual' })],
    });
    await app.get(TestTasks).runScheduled('Sessions.cleanUp');
    expect(query).toHaveBeenCalledWith(expect.stringContaining('DELETE FROM sessions'));
  });

  test('status of a task', async () => {
    const { url, runner } = await startApp({ controllers: [TrackingController] });
    const start = async (n: number) => {
      const { body } = await request(url).post('/tracked').send({ n });
      await runner.drain();
      return (await request(url).get(`/tracked/${(body as { taskId: string }).taskId}`)).body as unknown;
    };
    expect(await start(4)).toEqual({ status: 'completed', result: 8 });
    expect(await start(-1)).toEqual({ status: 'failed', error: 'n is negative' });
    await request(url).get('/tracked/unknown').expect(404);
  });
});

@Module({ imports: [BackgroundTasksModule.forRoot()], controllers: [NotificationsController] })
class AppModule {}

// #region test
test('the notification is written', async () => {
  const moduleRef = await Test.createTestingModule({
    imports: [AppModule, TestTasksModule.forRoot({ mode: 'inline' })],
  }).compile();
  const app = await moduleRef.createNestApplication().init();

  await request(app.getHttpServer()).post('/send-notification/test@example.com').expect(201);

  expect(await readFile('log.txt', 'utf8')).toContain('test@example.com');
  await app.close();
});
// #endregion

check();
