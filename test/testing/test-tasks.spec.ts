import { createServer } from 'node:net';
import { HttpException, Injectable, Module, type ModuleMetadata } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  BackgroundTasksModule,
  chain,
  currentTask,
  group,
  InvalidOptionError,
  ModuleImportError,
  previousResult,
  step,
  TaskArgumentError,
  TaskRegistry,
  TaskRunner,
} from 'nestjs-background-tasks';
import { BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { type TestMode, TestTasks, TestTasksError, TestTasksModule } from 'nestjs-background-tasks/testing';
import { RecordingLogger } from '../fixtures/recording-logger.ts';
import { done, failures, Mailer, Reports } from './fixtures.ts';

async function start(mode: TestMode = 'manual', { imports, providers = [] }: ModuleMetadata = {}) {
  const moduleRef = await Test.createTestingModule({
    imports: imports ?? [BackgroundTasksModule.forRoot(), TestTasksModule.forRoot({ mode })],
    providers: [Mailer, Reports, ...providers],
  })
    .setLogger(new RecordingLogger())
    .compile();
  await moduleRef.init();
  onTestFinished(() => moduleRef.close());
  return {
    moduleRef,
    tasks: moduleRef.get(TestTasks),
    runner: moduleRef.get(TaskRunner),
    registry: moduleRef.get(TaskRegistry),
    mailer: moduleRef.get(Mailer),
    reports: moduleRef.get(Reports),
  };
}

function messageOf(fn: () => unknown): string {
  try {
    fn();
  } catch (error) {
    expect(error).toBeInstanceOf(TestTasksError);
    return (error as Error).message;
  }
  throw new TypeError('expected an error');
}

beforeEach(() => {
  done.length = 0;
  failures.left = 0;
});

describe('added', () => {
  test('returns records with arguments and options, in the order in which the tasks were added', async () => {
    const { tasks, runner, mailer, reports } = await start();
    runner.with({ attempts: 2 }).start(mailer, 'sendWelcome', 'ada@example.com');
    runner.start(reports, 'build', 'May');
    expect(tasks.added()).toMatchObject([
      { name: 'Mailer.sendWelcome', args: ['ada@example.com'], options: { attempts: 2 }, status: 'pending' },
      { name: 'Reports.build', args: ['May'], queue: 'reports', status: 'pending' },
    ]);
  });

  test('takes a filter, which can hold matchers', async () => {
    const { tasks, runner, mailer, reports } = await start();
    runner.start(mailer, 'sendWelcome', 'ada@example.com');
    runner.start(mailer, 'sendWelcome', 'eve@example.com');
    runner.start(reports, 'build', 'May');
    expect(tasks.added({ name: 'Mailer.sendWelcome' })).toHaveLength(2);
    expect(tasks.added({ name: 'Mailer.sendWelcome', args: ['eve@example.com'] })).toHaveLength(1);
    expect(tasks.added({ args: [expect.stringContaining('@')] })).toHaveLength(2);
    expect(tasks.added({ name: expect.stringMatching(/^Reports/) as string })).toHaveLength(1);
    expect(tasks.added({ queue: 'reports' })).toHaveLength(1);
    await tasks.run();
    expect(tasks.added({ status: 'completed' })).toHaveLength(3);
  });
});

describe('expectAdded', () => {
  test('returns the handle of the task, of an object, a class or a function', async () => {
    const { tasks, runner, mailer } = await start();
    function cleanUp(_folder: string, _options: { force: boolean }) {
      return 3;
    }
    runner.start(mailer, 'sendWelcome', 'ada@example.com');
    runner.start(cleanUp, '/tmp', { force: true });
    const task = tasks.expectAdded(mailer, 'sendWelcome', 'ada@example.com');
    expect(tasks.expectAdded(Mailer, 'sendWelcome', expect.any(String))).toBe(task);
    const other = tasks.expectAdded(cleanUp, expect.stringContaining('tmp'), { force: expect.any(Boolean) });
    await tasks.run();
    expect([task.result, other.result]).toEqual(['sent to ada@example.com', 3]);
  });

  test('says what was added, the nearest first, and what differs', async () => {
    const { tasks, runner, mailer, reports } = await start();
    runner.start(reports, 'build', 'May');
    runner.start(mailer, 'sendBill', 'ada@example.com', { total: 3, items: ['tea'] });
    runner.with({ attempts: 2 }).start(mailer, 'sendWelcome', 'eve@example.com');
    expect(messageOf(() => tasks.expectAdded(mailer, 'sendWelcome', 'ada@example.com'))).toBe(
      [
        "expectAdded: expected a task Mailer.sendWelcome('ada@example.com'), got 3 tasks, the nearest first:",
        "  Mailer.sendWelcome('eve@example.com') – { attempts: 2 }, argument 1 differs",
        "  Mailer.sendBill('ada@example.com', { total: 3, items: [ 'tea' ] })",
        "  Reports.build('May') – queue 'reports'",
      ].join('\n'),
    );
  });

  test('says that nothing was added, and that a task was added twice', async () => {
    const { tasks, runner, mailer } = await start();
    expect(messageOf(() => tasks.expectAdded(mailer, 'bounce', 'a@b.c'))).toBe(
      "expectAdded: expected a task Mailer.bounce('a@b.c'), none was added",
    );
    runner.start(mailer, 'sendWelcome', 'ada@example.com');
    runner.start(mailer, 'sendWelcome', 'ada@example.com');
    expect(messageOf(() => tasks.expectAdded(mailer, 'sendWelcome', 'ada@example.com'))).toMatch(
      /^expectAdded: expected one task .*, got 2:\n(.*\n){2}Count them with added\(\)\.$/,
    );
  });
});

test('expectNone names what was added', async () => {
  const { tasks, runner, mailer } = await start();
  tasks.expectNone();
  runner.start(mailer, 'sendWelcome', 'ada@example.com');
  tasks.expectNone({ name: 'Mailer.bounce' });
  expect(messageOf(() => tasks.expectNone())).toBe(
    "expectNone: expected no task, got 1 task:\n  Mailer.sendWelcome('ada@example.com')",
  );
});

describe('run', () => {
  test('throws the first error when all tasks have settled, once', async () => {
    const { tasks, runner, mailer } = await start();
    runner.start(mailer, 'bounce', 'first');
    runner.start(mailer, 'bounce', 'second');
    runner.start(mailer, 'sendWelcome', 'ada@example.com');
    await expect(tasks.run()).rejects.toThrow(new RangeError('no mailbox first'));
    expect(done).toEqual(['welcome ada@example.com from localhost']);
    expect(await tasks.run()).toEqual([]);
  });

  test('returns all errors when they are collected', async () => {
    const { tasks, runner, mailer, reports } = await start();
    runner.start(mailer, 'bounce', 'first');
    runner.start(reports, 'refuse');
    const errors = await tasks.run({ errors: 'collect' });
    expect(errors).toMatchObject([{ message: 'no mailbox first' }, { message: 'no such month' }]);
  });

  test.each([true, false])('runs what tasks add, if recursive is not false: %s', async (recursive) => {
    const { tasks, runner, mailer, reports } = await start();
    runner.start(() => {
      runner.start(mailer, 'sendWelcome', 'ada@example.com');
      runner.start(reports, 'build', 'May');
    });
    await tasks.run({ recursive });
    expect(done).toHaveLength(recursive ? 2 : 0);
    await tasks.run();
    expect(done).toHaveLength(2);
  });

  test('throws what the step of a chain or a group threw', async () => {
    const { tasks, runner, reports } = await start();
    const last = runner.start(chain(step(reports, 'misread'), step(reports, 'publish', previousResult, 'web')));
    await expect(tasks.run()).rejects.toThrow(new TypeError('no report'));
    expect((await last.settled()).error).toMatchObject({ name: 'TaskQueueError' });
    runner.start(
      group([step(reports, 'build', 'May'), step(reports, 'refuse')], step(reports, 'collect', previousResult)),
    );
    expect(await tasks.run({ errors: 'collect' })).toEqual([new HttpException('no such month', 404)]);
    // Tried once: `retryIf` says no.
    expect(done).toEqual(['misread', 'report May']);
  });

  test('throws the error of duplicates once', async () => {
    const { tasks, runner, mailer, reports } = await start();
    const deduplicated = runner.with({ deduplication: { id: 'one' } });
    const handles = [deduplicated.start(reports, 'refuse'), deduplicated.start(reports, 'refuse')];
    deduplicated.start(mailer, 'bounce', 'a@b.c');
    deduplicated.start(mailer, 'bounce', 'a@b.c');
    const errors = await tasks.run({ errors: 'collect' });
    expect(errors).toEqual([new HttpException('no such month', 404), new RangeError('no mailbox a@b.c')]);
    expect(handles[0]!.id).toBe(handles[1]!.id);
  });

  test('two runs at once each run their own', async () => {
    const { tasks, runner, mailer, reports } = await start();
    await runner.start(reports, 'build', 'May').stored();
    const first = tasks.run({ recursive: false });
    runner.with({ delay: 60_000 }).start(reports, 'build', 'June');
    runner.with({ delay: 60_000 }).start(mailer, 'sendWelcome', 'ada@example.com');
    const second = tasks.run({ recursive: false });
    await Promise.all([first, second, tasks.runScheduled('Reports.nightly')]);
    expect(done.toSorted()).toEqual(['nightly', 'report June', 'report May', 'welcome ada@example.com from localhost']);
  });

  test('says what has not settled in time', async () => {
    const { tasks, runner } = await start('background');
    async function stuck() {
      await new Promise((resolve) => currentTask()!.signal.addEventListener('abort', resolve));
    }
    const task = runner.start(stuck);
    onTestFinished(() => void task.cancel());
    await expect.poll(() => task.status).toBe('running');
    await expect(tasks.run({ timeout: 20 })).rejects.toThrow(
      'run(): expected all tasks to settle within 20 ms, got 1 task that did not:\n  stuck() – running\n',
    );
  });

  test('ends delays and backoffs', async () => {
    failures.left = 2;
    const { tasks, runner, mailer, reports } = await start();
    runner.with({ delay: 3_600_000 }).start(mailer, 'sendWelcome', 'ada@example.com');
    runner.with({ delay: 3_600_000 }).start(reports, 'build', 'May');
    const task = runner.start(reports, 'flaky');
    await tasks.run();
    expect(done.toSorted()).toEqual([
      'flaky',
      'flaky',
      'flaky',
      'report May',
      'welcome ada@example.com from localhost',
    ]);
    expect(tasks.added({ name: 'Reports.flaky' })).toMatchObject([{ id: task.id, attempts: 3, result: 'done' }]);
  });

  test('ends the delays of tasks that wait in the background', async () => {
    const { tasks, runner, mailer, reports } = await start('background');
    runner.with({ delay: 3_600_000 }).start(mailer, 'sendWelcome', 'ada@example.com');
    runner.with({ delay: 3_600_000 }).start(reports, 'build', 'May');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(done).toEqual([]);
    await tasks.run();
    expect(done).toHaveLength(2);
  });

  test('works in a module that was compiled and never started', async () => {
    const moduleRef = await Test.createTestingModule({
      imports: [BackgroundTasksModule.forRoot(), TestTasksModule.forRoot({ mode: 'manual' })],
      providers: [Mailer, Reports],
    }).compile();
    onTestFinished(() => moduleRef.close());
    moduleRef.get(TaskRunner).start(Reports, 'build', 'May');
    moduleRef.get(TaskRunner).start(Mailer, 'sendWelcome', 'ada@example.com');
    await moduleRef.get(TestTasks).run();
    expect(done).toHaveLength(2);
  });
});

describe('while the test has stopped the clock', () => {
  afterEach(() => void vi.useRealTimers());

  test.each<TestMode>(['manual', 'background'])('run() runs, in the mode %s', async (mode) => {
    failures.left = 2;
    const { tasks, runner, mailer, reports } = await start(mode);
    vi.useFakeTimers();
    runner.with({ delay: 60_000 }).start(mailer, 'sendWelcome', 'ada@example.com');
    runner.with({ delay: 60_000 }).start(reports, 'build', 'May');
    runner.start(reports, 'flaky');
    await tasks.run();
    expect(done).toHaveLength(5);
  });

  test('waitFor() ends at its limit', async () => {
    const { tasks, runner, mailer } = await start();
    vi.useFakeTimers();
    runner.start(mailer, 'sendWelcome', 'ada@example.com');
    await expect(tasks.waitFor('Mailer.sendWelcome', { timeout: 10 })).rejects.toThrow(TestTasksError);
  });
});

describe('runScheduled', () => {
  test('runs a repeating task once, and returns its record', async () => {
    const { tasks } = await start();
    expect(await tasks.runScheduled('Reports.nightly')).toMatchObject({ status: 'completed', result: 'built' });
    expect(await tasks.runScheduled('Reports.nightly')).toMatchObject({ status: 'completed' });
    expect(done).toEqual(['nightly', 'nightly']);
  });

  test('throws what the task threw', async () => {
    failures.left = 1;
    const { tasks } = await start();
    await expect(tasks.runScheduled('Reports.nightly')).rejects.toThrow(new RangeError('no data'));
  });

  test('names the repeating tasks where the name is wrong', async () => {
    const { tasks } = await start();
    await expect(tasks.runScheduled('Reports.build')).rejects.toThrow(InvalidOptionError);
    await expect(tasks.runScheduled('Reports.build')).rejects.toThrow(/'Reports\.build'.*There are Reports\.nightly/);
  });
});

describe('waitFor', () => {
  test('waits for a task that is added later', async () => {
    const { tasks, runner } = await start('background');
    const waiting = tasks.waitFor('Mailer.sendWelcome');
    runner.start(Mailer, 'sendWelcome', 'ada@example.com');
    expect(await waiting).toMatchObject({ status: 'completed', args: ['ada@example.com'] });
  });

  test('says that no such task was added, and in the mode manual, that run() starts tasks', async () => {
    const background = await start('background');
    await expect(background.tasks.waitFor('Mailer.nothing', { timeout: 10 })).rejects.toThrow(
      /^waitFor\('Mailer\.nothing'\): expected the task to settle within 10 ms, got no such task\.$/,
    );
    const { tasks, runner } = await start('manual');
    runner.start(Mailer, 'bounce', 'a@b.c');
    await expect(tasks.waitFor({ status: 'failed' }, { timeout: 10 })).rejects.toThrow(/Call run\(\)/);
  });

  test('names what is still pending', async () => {
    const { tasks, runner } = await start();
    runner.start(Mailer, 'sendWelcome', 'ada@example.com');
    await expect(tasks.waitFor('Mailer.sendWelcome', { timeout: 10 })).rejects.toThrow(
      "waitFor('Mailer.sendWelcome'): expected the task to settle within 10 ms, got 1 task that did not settle:\n" +
        "  Mailer.sendWelcome('ada@example.com')",
    );
  });
});

describe('clear', () => {
  test('forgets what was added, and none of it runs', async () => {
    const { tasks, runner } = await start();
    const durable = runner.start(Reports, 'build', 'May');
    await durable.stored();
    const handles = [durable, runner.start(Mailer, 'sendWelcome', 'a'), runner.start(Reports, 'build', 'June')];
    tasks.clear();
    tasks.expectNone();
    runner.start(Mailer, 'sendWelcome', 'b');
    await tasks.run();
    expect(done).toEqual(['welcome b from localhost']);
    expect(await Promise.all(handles.map(async (it) => (await it.settled()).status))).toEqual([
      'cancelled',
      'cancelled',
      'cancelled',
    ]);
  });
});

describe('durable tasks', () => {
  test('go through the codec: arguments that can’t be stored fail in addTask, others arrive as copies', async () => {
    const { tasks, runner } = await start();
    expect(() => runner.start(Reports, 'build', (() => undefined) as never)).toThrow(TaskArgumentError);
    runner.start(Reports, 'publish', { month: 'May', at: new Date(0) }, 'web');
    await tasks.run();
    expect(done).toEqual(['published May true to web']);
  });

  test('chains and groups run', async () => {
    const { tasks, runner } = await start();
    runner.start(chain(step(Reports, 'build', 'May'), step(Reports, 'publish', previousResult, 'web')));
    const months = ['June', 'July'].map((month) => step(Reports, 'build', month));
    const last = runner.start(group(months, step(Reports, 'collect', previousResult)));
    await tasks.run();
    expect(done).toContain('published May true to web');
    expect((await last.settled()).result).toBe('June+July');
  });

  test('a failed task is retried by the registry, and run() runs it again', async () => {
    failures.left = 5;
    const { tasks, runner, registry } = await start();
    const task = runner.start(Reports, 'flaky');
    await expect(tasks.run()).rejects.toThrow('not yet');
    expect(await registry.get(task.id)).toMatchObject({ status: 'failed', attempts: 3 });
    expect(await registry.retry(task.id)).toBe(true);
    failures.left = 3;
    await expect(tasks.run()).rejects.toThrow('not yet');
    expect(await registry.retry(task.id)).toBe(true);
    await tasks.run();
    expect(await registry.get(task.id)).toMatchObject({ status: 'completed', attempts: 1 });
  });

  test('are deduplicated, listed and cancelled by the registry', async () => {
    const { tasks, runner, registry } = await start();
    const options = { deduplication: { id: 'may' } };
    const first = runner.with(options).start(Reports, 'build', 'May');
    const second = runner.with(options).start(Reports, 'build', 'May');
    await Promise.all([first.stored(), second.stored()]);
    expect(second.id).toBe(first.id);
    expect(await registry.list({ queue: 'reports' })).toHaveLength(1);
    expect(await registry.cancel(first.id)).toBe(true);
    await tasks.run();
    expect(done).toEqual([]);
    expect(tasks.added().map(({ status }) => status)).toEqual(['cancelled', 'cancelled']);
  });
});

describe('a wrong word is an error, not a test that passes', () => {
  test.each<[string, (tasks: TestTasks) => unknown]>([
    ['run: ', (tasks) => tasks.run({ errors: 'ignore' as never })],
    ['run: ', (tasks) => tasks.run({ recursve: false } as never)],
    ['run: ', (tasks) => tasks.run({ timeout: Number.NaN })],
    ['added: ', async (tasks) => tasks.added({ nme: 'Mailer.sendWelcome' } as never)],
    ['added: ', async (tasks) => tasks.added('Mailer.sendWelcome' as never)],
    ['expectNone: ', async (tasks) => tasks.expectNone({ status: 'done' as never })],
    ['expectNone: ', async (tasks) => tasks.expectNone({ args: 'ada@example.com' as never })],
    ['waitFor: ', (tasks) => tasks.waitFor(undefined as never)],
    ['waitFor: ', (tasks) => tasks.waitFor('')],
    ['waitFor: ', (tasks) => tasks.waitFor({ nme: 'x' } as never)],
    ['waitFor: ', (tasks) => tasks.waitFor('Mailer.sendWelcome', { timeout: -1 })],
    ['runScheduled: ', (tasks) => tasks.runScheduled(Reports as never)],
    ['TestTasksModule.forRoot: ', async () => TestTasksModule.forRoot({ mod: 'inline' } as never)],
    ['TestTasks.unit: ', async () => TestTasks.unit({ providers: [Reports] })],
  ])('%s %s', async (call, fn) => {
    const { tasks } = await start();
    const error: unknown = await Promise.resolve(fn(tasks)).catch((it: unknown) => it);
    expect(error).toBeInstanceOf(InvalidOptionError);
    const { message } = error as Error;
    expect(message.startsWith(call)).toBe(true);
    expect(message).toMatch(/expected .*, got /);
    expect(message.length).toBeLessThan(200);
  });
});

describe('TestTasksModule', () => {
  @Injectable()
  class Service {
    constructor(readonly runner: TaskRunner) {}
  }

  /** Counts the connections to a port. */
  async function countingPort() {
    let connections = 0;
    const server = createServer((socket) => {
      connections++;
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    return { port: (server.address() as { port: number }).port, connections: () => connections };
  }

  test.each([
    ['redis', 'before'],
    ['redis', 'after'],
    ['postgres', 'before'],
    ['postgres', 'after'],
  ])('stands in for the queue of %s, which opens no connection, imported %s it', async (protocol, place) => {
    const { port, connections } = await countingPort();
    @Module({
      imports: [
        BackgroundTasksModule.forRoot(),
        BullMqTasksModule.forRoot({
          connection: `${protocol}://127.0.0.1:${port}/0`,
          worker: { queues: ['reports'] },
        }),
      ],
      providers: [Service],
    })
    class AppModule {}
    const kit = TestTasksModule.forRoot({ mode: 'manual' });
    const { tasks, moduleRef } = await start('manual', {
      imports: place === 'before' ? [kit, AppModule] : [AppModule, kit],
    });
    moduleRef.get(Service, { strict: false }).runner.start(Reports, 'build', 'May');
    await tasks.run();
    expect(done).toEqual(['report May']);
    await moduleRef.close();
    expect(connections()).toBe(0);
  });

  test('two modules in one process don’t see each other', async () => {
    const [one, other] = [await start(), await start()];
    one.runner.start(Reports, 'build', 'May');
    one.runner.start(Mailer, 'sendWelcome', 'a');
    other.tasks.expectNone();
    await other.tasks.run();
    expect(done).toEqual([]);
    await one.tasks.run();
    expect(done).toHaveLength(2);
  });

  test('stops the timers of its queue when the application closes', async () => {
    const [set, clear] = [vi.spyOn(globalThis, 'setTimeout'), vi.spyOn(globalThis, 'clearTimeout')];
    onTestFinished(() => void vi.restoreAllMocks());
    const { runner, moduleRef } = await start('background');
    await runner.with({ delay: 3_600_000 }).start(Reports, 'build', 'May').stored();
    const timers = set.mock.calls.flatMap(([, ms], i) =>
      ms! > 3_000_000 ? [set.mock.results[i]!.value as unknown] : [],
    );
    expect(timers).toHaveLength(1);
    expect(clear).not.toHaveBeenCalledWith(timers[0]);
    await moduleRef.close();
    expect(clear).toHaveBeenCalledWith(timers[0]);
  });

  test('says that the mode is unknown, or that BackgroundTasksModule is missing', async () => {
    expect(() => TestTasksModule.forRoot({ mode: 'sync' as never })).toThrow(
      "TestTasksModule.forRoot: option 'mode': expected 'background', 'inline' or 'manual', got 'sync'.",
    );
    const compiled = Test.createTestingModule({ imports: [TestTasksModule.forRoot()] })
      .setLogger(new RecordingLogger())
      .compile();
    await expect(compiled).rejects.toThrow(ModuleImportError);
  });
});
