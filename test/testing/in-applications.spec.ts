// The kit in applications as people build them: with options that are read later, providers that a test overrides, a prefix
// for all routes, and a clock that the test has stopped.
import { setImmediate as turn } from 'node:timers/promises';
import { Controller, Get, Post } from '@nestjs/common';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import request from 'supertest';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { BackgroundTasks, BackgroundTasksModule, ModuleImportError, TaskRunner } from 'nestjs-background-tasks';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { type TestMode, TestTasks, TestTasksModule } from 'nestjs-background-tasks/testing';
import { RecordingLogger } from '../fixtures/recording-logger.ts';
import { done, Mailer, Reports } from './fixtures.ts';

@Controller('users')
class UsersController {
  constructor(
    private readonly tasks: BackgroundTasks,
    private readonly mailer: Mailer,
  ) {}

  @Post()
  register() {
    this.tasks.addTask(this.mailer, 'sendWelcome', 'ada@example.com');
    this.tasks.addTask(Reports, 'build', 'May');
    return 'registered';
  }

  @Get()
  list() {
    return [];
  }
}

async function start(mode: TestMode, edit: (builder: TestingModuleBuilder) => TestingModuleBuilder = (it) => it) {
  const connection = 'redis://127.0.0.1:1';
  const builder = Test.createTestingModule({
    imports: [
      BullMqTasksModule.forRootAsync({ useFactory: async () => ({ connection }) }),
      TestTasksModule.forRoot({ mode }),
      BackgroundTasksModule.forRootAsync({ useFactory: async () => ({ maxPending: 10 }) }),
    ],
    controllers: [UsersController],
    providers: [Mailer, Reports],
  });
  const moduleRef = await edit(builder).setLogger(new RecordingLogger()).compile();
  const app = moduleRef.createNestApplication();
  app.setGlobalPrefix('api');
  await app.init();
  onTestFinished(() => app.close());
  return { app, moduleRef, tasks: moduleRef.get(TestTasks), http: request(app.getHttpServer()) };
}

beforeEach(() => void (done.length = 0));
afterEach(() => void vi.useRealTimers());

describe.each<TestMode>(['background', 'inline', 'manual'])('in the mode %s', (mode) => {
  test('tasks of an overridden provider call what stands in for it', async () => {
    const mock = { sendWelcome: vi.fn() };
    const { http, tasks, moduleRef } = await start(mode, (it) => it.overrideProvider(Mailer).useValue(mock));
    await http.post('/api/users').expect(201, 'registered');
    await tasks.run();
    expect(mock.sendWelcome).toHaveBeenCalledExactlyOnceWith('ada@example.com');
    expect(tasks.expectAdded(moduleRef.get(Mailer), 'sendWelcome', 'ada@example.com').status).toBe('completed');
    tasks.expectAdded(Reports, 'build', 'May');
    expect(done).toEqual(['report May']);
  });

  test('requests and run() work while the test has stopped the clock, and leave no timer', async () => {
    const { app, tasks } = await start(mode);
    await app.listen(0, '127.0.0.1');
    vi.useFakeTimers();
    await request(app.getHttpServer()).post('/api/users').expect(201);
    await tasks.run();
    expect(done.toSorted()).toEqual(['report May', 'welcome ada@example.com from localhost']);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a request without tasks is answered, and an application closes twice', async () => {
    const { http, app, moduleRef, tasks } = await start(mode);
    await http.get('/api/users').expect(200, []);
    tasks.expectNone();
    await app.close();
    await app.close();
    await moduleRef.close();
  });
});

test('the kit imported twice is an error: the test would look at the tasks of another', async () => {
  const compiled = Test.createTestingModule({
    imports: [
      BackgroundTasksModule.forRoot(),
      TestTasksModule.forRoot({ mode: 'inline' }),
      TestTasksModule.forRoot({ mode: 'manual' }),
    ],
  })
    .setLogger(new RecordingLogger())
    .compile();
  await expect(compiled).rejects.toThrow(ModuleImportError);
  await expect(compiled).rejects.toThrow('TestTasksModule: expected it once in an application, got it twice.');
});

test('modules and units that are closed can be collected, with tasks that never ran', async () => {
  const refs: WeakRef<TestTasks>[] = [];
  for (let i = 0; i < 10; i++) {
    const moduleRef = await Test.createTestingModule({
      imports: [BackgroundTasksModule.forRoot(), TestTasksModule.forRoot({ mode: 'manual' })],
      providers: [Mailer, Reports],
    }).compile();
    await moduleRef.init();
    moduleRef.get(TaskRunner).start(Mailer, 'sendWelcome', 'ada@example.com');
    moduleRef.get(TaskRunner).with({ delay: 3_600_000 }).start(Reports, 'build', 'May');
    refs.push(new WeakRef(moduleRef.get(TestTasks)));
    await moduleRef.close();
    const unit = TestTasks.unit();
    unit.tasks.with({ delay: 3_600_000 }).addTask(() => undefined);
    refs.push(new WeakRef(unit));
  }
  await vi.waitFor(async () => {
    await turn();
    globalThis.gc!();
    // The last of each kind can still be on the stack.
    expect(refs.filter((ref) => ref.deref()).length).toBeLessThanOrEqual(2);
  });
});
