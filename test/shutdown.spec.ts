import { setTimeout as sleep } from 'node:timers/promises';
import {
  Controller,
  Get,
  Global,
  Injectable,
  Module,
  Param,
  Scope,
  Sse,
  type BeforeApplicationShutdown,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common';
import { NEVER, Observable, startWith } from 'rxjs';
import { expect, onTestFinished, test } from 'vitest';
import {
  BackgroundTasks,
  currentTask,
  ShuttingDownError,
  TaskRunner,
  Tasks,
  type BackgroundTask,
} from 'nestjs-background-tasks';
import { tasksLost } from '../lib/engine/engine.messages.ts';
import { taskCancelled } from '../lib/errors/task.errors.ts';
import { shuttingDown } from '../lib/errors/unavailable.errors.ts';
import { Gate } from './fixtures/gate.ts';
import { RawClient } from './fixtures/raw-client.ts';
import { scope } from './fixtures/place.ts';
import { startApp } from './fixtures/start-app.ts';
import { block, blockForEver } from './fixtures/threads/math.task.ts';

const isOpen = new Map<string, boolean>();
const foundClosed: string[] = [];

/** A provider that tasks use. It notes tasks that find it closed. */
function use(name: string): void {
  if (!isOpen.get(name)) {
    foundClosed.push(name);
  }
}

function disconnectingIn(
  hook: keyof (OnModuleDestroy & BeforeApplicationShutdown & OnApplicationShutdown),
  where: string,
) {
  const name = `${hook} in ${where}`;
  @Injectable()
  class Database {
    constructor() {
      isOpen.set(name, true);
    }

    [hook]() {
      isOpen.set(name, false);
    }
  }
  return Database;
}

const hooks = ['onModuleDestroy', 'beforeApplicationShutdown', 'onApplicationShutdown'] as const;
const databases = (where: string) => hooks.map((hook) => disconnectingIn(hook, where));

@Module({ providers: databases('a feature module of a feature module') })
class DeepModule {}

@Module({ imports: [DeepModule], providers: databases('a feature module') })
class FeatureModule {}

@Global()
@Module({ providers: databases('a global module') })
class GlobalModule {}

const useAll = () => [...isOpen.keys()].forEach(use);
const gates = { handler: new Gate(), task: new Gate() };
let entered = new Gate();

@Controller()
class WorkController {
  constructor(private readonly runner: TaskRunner) {}

  @Get('tasks')
  tasks(@Tasks() tasks: BackgroundTasks) {
    tasks.addTask(async () => {
      await sleep(20);
      useAll();
      tasks.addTask(async () => {
        await sleep(20);
        useAll();
        this.runner.start(useAll);
      });
    });
    let attempts = 0;
    const failing = async () => {
      useAll();
      if (++attempts < 3) {
        throw new Error('again');
      }
    };
    this.runner.with({ attempts: 3, backoff: { type: 'fixed', delay: 30 } }).start(failing);
    this.runner.with({ delay: 100 }).start(useAll);
    this.runner.start(block, 50);
  }

  @Get('slow')
  async slow(@Tasks() tasks: BackgroundTasks) {
    entered.open();
    await gates.handler.opened;
    tasks.addTask(useAll);
    return 'answered';
  }

  @Get('held')
  held(@Tasks() tasks: BackgroundTasks) {
    tasks.addTask(() => gates.task.opened.then(useAll));
  }

  @Get('none')
  none() {
    return 'no tasks';
  }
}

@Module({
  imports: [FeatureModule, GlobalModule],
  providers: databases('the root module'),
  controllers: [WorkController],
})
class RootModule {}

const start = (options = {}) => {
  foundClosed.length = 0;
  isOpen.clear();
  gates.handler = new Gate();
  gates.task = new Gate();
  entered = new Gate();
  return startApp({ imports: [RootModule] }, { shutdownTimeout: 20_000, ...options });
};

test('tasks settle before the providers that they use close, in every module', async () => {
  const { app, url, runner } = await start();
  expect(isOpen.size).toBe(12);
  await Promise.all(Array.from({ length: 5 }, () => fetch(`${url}/tasks`)));
  await app.close();
  expect(foundClosed).toEqual([]);
  expect([...isOpen.values()]).not.toContain(true);
  expect(runner.stats()).toMatchObject({
    completed: 5 * 6,
    failed: 0,
    cancelled: 0,
    pending: 0,
    running: 0,
    delayed: 0,
  });
});

test('requests in flight are served with their tasks, new ones get a 503', async () => {
  const { app, port, url, runner } = await start();
  const [inFlight, alive] = [await RawClient.connect(port), await RawClient.connect(port)];
  alive.request('/none');
  await alive.receives('no tasks');
  await fetch(`${url}/held`);
  inFlight.request('/slow');
  await entered.opened;

  const closed = app.close();
  alive.request('/held');
  await alive.receives('HTTP/1.1 503');
  await alive.receives('{"statusCode":503,"message":"Service Unavailable"}');
  expect(alive.received).toMatch(/^retry-after: 1\r$/im);
  expect(alive.received.split('503')[1]).toMatch(/^connection: close\r$/im);
  const response = await fetch(`${url}/none`);
  expect([response.status, await response.text()]).toEqual([200, 'no tasks']);

  gates.handler.open();
  await inFlight.receives('answered');
  gates.task.open();
  await closed;
  expect(foundClosed).toEqual([]);
  expect(runner.stats()).toMatchObject({ completed: 2, cancelled: 0, skipped: 0 });
});

test.runIf(scope === Scope.REQUEST)(
  'a request that is in flight without a task is waited for, and not for ever',
  async () => {
    const { app, port, runner } = await start();
    const client = await RawClient.connect(port);
    client.request('/slow');
    await entered.opened;
    const closed = app.close();
    await sleep(100);
    gates.handler.open();
    await client.receives('answered');
    await closed;
    expect(foundClosed).toEqual([]);
    expect(runner.stats()).toMatchObject({ completed: 1 });
  },
);

test('an application closes under steady traffic', async () => {
  const { app, url, runner } = await start();
  const over = new AbortController();
  const statuses = new Set<number>();
  const client = async () => {
    while (!over.signal.aborted) {
      const response = await fetch(`${url}/tasks`).catch(() => undefined);
      if (!response) {
        return;
      }
      statuses.add(response.status);
    }
  };
  const clients = Promise.all(Array.from({ length: 5 }, client));
  await expect.poll(() => runner.stats().running).toBeGreaterThan(0);
  await app.close();
  over.abort();
  await clients;
  expect(foundClosed).toEqual([]);
  expect([...statuses].filter((status) => status !== 200 && status !== 503)).toEqual([]);
  expect(runner.stats()).toMatchObject({ failed: 0, cancelled: 0, pending: 0, running: 0 });
});

test('tasks that don’t settle in time are aborted, cancelled, and named in one line', async () => {
  const { app, runner, log } = await start({ shutdownTimeout: 100 });
  const aborted: unknown[] = [];
  await runner.start(() => 'done in time').settled();
  const hung = runner.with({ name: 'hung' }).start(async () => {
    const { signal } = currentTask()!;
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    aborted.push(signal.reason);
    await sleep(50);
    useAll();
  });
  const deaf = runner.with({ name: 'deaf' }).start(() => new Promise(() => undefined));
  const inThread = runner.with({ name: 'in a thread' }).start(blockForEver);
  await expect.poll(() => inThread.status, { timeout: 10_000 }).toBe('running');
  const quick = runner.start(() => sleep(20));
  const beganAt = performance.now();
  await app.close();
  expect(performance.now() - beganAt).toBeLessThan(5_000);
  expect(quick.status).toBe('completed');
  for (const task of [hung, deaf, inThread]) {
    expect(await task.settled()).toMatchObject({
      status: 'cancelled',
      error: { message: taskCancelled(task.name, 'shutdown') },
    });
  }
  // The grace after the timeout was long enough for this task to clean up.
  expect(aborted).toEqual([hung.error]);
  expect(foundClosed).toEqual([]);
  const lost = [hung, deaf, inThread];
  const [line, ...others] = log.said('warn').map(({ message }) => message);
  expect(others).toEqual([]);
  for (const task of lost) {
    expect(line).toContain(`"${task.name}" (${task.id})`);
  }
  expect(line?.split(':')[1]).toBe(tasksLost(1, lost, 100).split(':')[1]);
});

test('a task that can’t begin in time is cancelled at once', async () => {
  const { app, runner, log } = await start();
  const delayed = runner.with({ name: 'tomorrow', delay: 86_400_000 }).start(() => undefined);
  const retried = runner
    .with({ name: 'tried again tomorrow', attempts: 2, backoff: { type: 'fixed', delay: 86_400_000 } })
    .start(() => Promise.reject(new Error('boom')));
  const failing = new Gate();
  const late = runner
    .with({ name: 'fails meanwhile', attempts: 2, backoff: { type: 'fixed', delay: 86_400_000 } })
    .start(() => failing.opened.then(() => Promise.reject(new Error('boom'))));
  await expect.poll(() => retried.attempts).toBe(1);
  const closed = app.close();
  failing.open();
  await closed;
  expect([delayed.status, retried.status, late.status]).toEqual(['cancelled', 'cancelled', 'cancelled']);
  expect(log.said('warn').map(({ message }) => message)).toEqual([tasksLost(0, [delayed, retried, late], 20_000)]);
  expect(runner.stats()).toMatchObject({ delayed: 0, pending: 0 });
});

test('with shutdownTimeout 0, nothing is waited for', async () => {
  const { app, runner } = await start({ shutdownTimeout: 0 });
  const task = runner.start(() => new Promise(() => undefined));
  await expect.poll(() => task.status).toBe('running');
  await app.close();
  expect(task.status).toBe('cancelled');
});

test('tasks that providers start while they close run before the application has closed', async () => {
  let task: BackgroundTask | undefined;
  @Injectable()
  class Buffer implements OnModuleDestroy {
    constructor(private readonly runner: TaskRunner) {}

    onModuleDestroy() {
      task = this.runner.start(() => sleep(50));
    }
  }
  const { app, runner } = await startApp({ providers: [Buffer] }, { shutdownTimeout: 5_000 });
  await app.close();
  expect(task?.status).toBe('completed');
  expect(() => runner.start(() => undefined)).toThrow(
    expect.objectContaining({ name: ShuttingDownError.name, message: shuttingDown('anonymous') }),
  );
});

test('a request that adds a task when providers close is refused', async () => {
  const closing = new Gate();
  const goOn = new Gate();
  @Injectable()
  class Slow implements OnModuleDestroy {
    async onModuleDestroy() {
      closing.open();
      await goOn.opened;
    }
  }
  @Controller()
  class LateController {
    @Get(':when')
    async get(@Param('when') when: string, @Tasks() tasks: BackgroundTasks) {
      if (when === 'later') {
        await closing.opened;
      }
      tasks.addTask(useAll);
    }
  }
  const { app, port, url, runner } = await startApp({ providers: [Slow], controllers: [LateController] });
  const early = await RawClient.connect(port);
  early.request('/later');
  await expect.poll(() => runner.stats().completed).toBe(0);
  const closed = app.close();
  await closing.opened;
  expect((await fetch(`${url}/now`)).status).toBe(503);
  await early.receives('HTTP/1.1 503');
  goOn.open();
  await closed;
  expect(runner.stats()).toMatchObject({ completed: 0, pending: 0 });
});

test('an application that never listened closes, and so does one that is closed twice', async () => {
  const { NestFactory } = await import('@nestjs/core');
  const { BackgroundTasksModule } = await import('nestjs-background-tasks');
  const context = await NestFactory.createApplicationContext(
    { module: RootModule, imports: [BackgroundTasksModule.forRoot()] },
    { logger: false },
  );
  const task = context.get(TaskRunner).start(() => sleep(30));
  await Promise.all([context.close(), context.close()]);
  await context.close();
  expect(task.status).toBe('completed');
});

test('lost tasks are named before the server has closed, and once, even if the application is closed twice', async () => {
  @Controller()
  class EventsController {
    @Sse('events')
    events() {
      return NEVER.pipe(startWith({ data: 'open' }));
    }
  }
  const { app, port, runner, log } = await startApp({ controllers: [EventsController] }, { shutdownTimeout: 100 });
  const client = await RawClient.connect(port);
  client.request('/events');
  await client.receives('open');
  const task = runner.with({ name: 'hung' }).start(() => new Promise(() => undefined));
  await expect.poll(() => task.status).toBe('running');
  const closed = Promise.all([app.close(), app.close()]);
  const lines = () => log.said('warn').map(({ message }) => message);
  await expect.poll(lines).toEqual([tasksLost(0, [task], 100)]);
  client.leave();
  await closed;
  await app.close();
  expect(lines()).toHaveLength(1);
  expect(() => runner.start(() => undefined)).toThrow(ShuttingDownError);
});

test('the tasks of a response that goes on for ever are run when the application closes', async () => {
  const ran: string[] = [];
  @Controller()
  class EventsController {
    @Sse('events')
    events(@Tasks() tasks: BackgroundTasks) {
      tasks.addTask(() => ran.push('after'));
      return NEVER.pipe(startWith({ data: 'open' }));
    }
  }
  // The tasks start after half of it, and a busy machine can stand still for longer than a short one.
  const { app, port, runner } = await startApp({ controllers: [EventsController] }, { shutdownTimeout: 4_000 });
  const client = await RawClient.connect(port);
  client.request('/events');
  await client.receives('open');
  const closed = app.close();
  await expect.poll(() => ran).toEqual(['after']);
  client.leave();
  await closed;
  expect(runner.stats()).toMatchObject({ completed: 1, cancelled: 0 });
});

test('a request without an answer gets a 503 when its tasks are lost', async () => {
  const answer = new Gate();
  @Controller()
  class SlowController {
    @Get()
    async get(@Tasks() tasks: BackgroundTasks) {
      tasks.addTask(() => undefined);
      await answer.opened;
      return 'done';
    }
  }
  const { app, port, runner } = await startApp({ controllers: [SlowController] }, { shutdownTimeout: 100 });
  const client = await RawClient.connect(port);
  client.request('/');
  await expect.poll(() => runner.stats().pending).toBe(1);
  const closed = app.close();
  await expect.poll(() => runner.stats().cancelled).toBe(1);
  answer.open();
  await client.receives('HTTP/1.1 503');
  await client.receives('Retry-After: 1');
  await closed;
});

test('a late request can’t add a task with TaskRunner either', async () => {
  @Controller()
  class StartController {
    constructor(private readonly runner: TaskRunner) {}

    @Get()
    get() {
      this.runner.start(useAll);
    }
  }
  const { app, url, runner } = await startApp({ controllers: [StartController] }, { shutdownTimeout: 5_000 });
  const gate = new Gate();
  runner.start(() => gate.opened.then(() => void runner.start(useAll)));
  const closed = app.close();
  expect((await fetch(url)).status).toBe(503);
  gate.open();
  await closed;
  expect(runner.stats()).toMatchObject({ completed: 2 });
});

test('a late task is accepted where nothing would catch the error', async () => {
  const ran: string[] = [];
  @Controller()
  class CallbackController {
    @Get('later')
    later(@Tasks() tasks: BackgroundTasks) {
      setTimeout(() => tasks.addTask(() => ran.push('later')), 30);
      return 'answered';
    }
  }
  const { app, url, runner } = await startApp({ controllers: [CallbackController] }, { shutdownTimeout: 5_000 });
  const gate = new Gate();
  runner.start(() => gate.opened);
  const closed = app.close();
  expect((await fetch(`${url}/later`)).status).toBe(200);
  await expect.poll(() => ran).toEqual(['later']);
  gate.open();
  await closed;
});

test('an Observable whose teardown throws does not keep others from being cancelled', async () => {
  const { app, runner } = await startApp({}, { shutdownTimeout: 0 });
  const warnings: Error[] = [];
  const listener = (warning: Error) => warnings.push(warning);
  process.on('warning', listener);
  onTestFinished(() => void process.off('warning', listener));
  const endless = () =>
    new Observable(() => () => {
      throw new Error('boom');
    });
  const tasks = [runner.start(endless), runner.start(endless)];
  await expect.poll(() => runner.stats().running).toBe(2);
  await app.close();
  expect(tasks.map(({ status }) => status)).toEqual(['cancelled', 'cancelled']);
  await expect.poll(() => warnings.filter(({ message }) => message.startsWith('Error: boom'))).toHaveLength(2);
});
