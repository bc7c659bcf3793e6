import { lastValueFrom } from 'rxjs';
import { beforeEach, describe, expect, test } from 'vitest';
import { type BackgroundTasks, TaskArgumentError, type TaskRunner } from 'nestjs-background-tasks';
import { TestTasks } from 'nestjs-background-tasks/testing';
import { done, failures, Mailer, Reports } from './fixtures.ts';

class UsersController {
  constructor(
    private readonly tasks: BackgroundTasks,
    private readonly mailer: Mailer,
  ) {}

  register(email: string) {
    this.tasks.with({ attempts: 2 }).addTask(this.mailer, 'sendWelcome', email);
    this.tasks.addTask(Reports, 'build', 'May');
    return { email };
  }
}

class Cleaner {
  constructor(private readonly runner: TaskRunner) {}

  clean() {
    return this.runner.start(() => done.push('cleaned'));
  }
}

beforeEach(() => {
  done.length = 0;
  failures.left = 0;
});

describe('TestTasks.unit', () => {
  test('a controller adds tasks without Nest, and run() runs them', async () => {
    const unit = TestTasks.unit({ providers: [new Reports()] });
    const mailer = new Mailer();
    expect(new UsersController(unit.tasks, mailer).register('ada@example.com')).toEqual({ email: 'ada@example.com' });
    unit.expectAdded(mailer, 'sendWelcome', 'ada@example.com');
    unit.expectAdded(Reports, 'build', expect.any(String));
    expect(unit.tasks.tasks).toHaveLength(2);
    expect(done).toEqual([]);
    await unit.run();
    expect(done.toSorted()).toEqual(['report May', 'welcome ada@example.com from localhost']);
  });

  test('each run() ends a request', async () => {
    const unit = TestTasks.unit({ providers: [new Reports()] });
    const controller = new UsersController(unit.tasks, new Mailer());
    controller.register('ada@example.com');
    await unit.run();
    controller.register('eve@example.com');
    await unit.run();
    expect(done.filter((it) => it.startsWith('welcome'))).toHaveLength(2);
    expect(unit.added()).toHaveLength(4);
  });

  test('a service starts tasks by the runner', async () => {
    const unit = TestTasks.unit();
    const task = new Cleaner(unit.runner).clean();
    await unit.run();
    expect(done).toEqual(['cleaned']);
    expect(await task.settled()).toMatchObject({ status: 'completed' });
  });

  test('a service finds, cancels and retries its tasks by the registry', async () => {
    failures.left = 3;
    const unit = TestTasks.unit();
    const { registry } = unit;
    const reports = new Reports();
    expect(await registry.list({ queue: 'reports' })).toEqual([]);
    const [cancelled, flaky] = [unit.tasks.addTask(reports, 'build', 'May'), unit.runner.start(reports, 'flaky')];
    const mail = unit.tasks.addTask(new Mailer(), 'sendWelcome', 'ada@example.com');
    expect(await registry.cancel(cancelled.id)).toBe(true);
    expect(await unit.run({ errors: 'collect' })).toMatchObject([{ message: 'not yet' }]);
    expect(await registry.get(mail.id)).toMatchObject({ status: 'completed' });
    expect(await registry.list({ queue: 'reports' })).toMatchObject([{ id: flaky.id, status: 'failed' }]);
    expect(await registry.retry(flaky.id)).toBe(true);
    await unit.run();
    expect(await lastValueFrom(registry.follow(flaky.id))).toMatchObject({ status: 'completed' });
    expect((await registry.list()).map(({ status }) => status).toSorted()).toEqual([
      'cancelled',
      'completed',
      'completed',
    ]);
  });

  test('durable tasks are retried without their backoff, and go through the codec', async () => {
    failures.left = 2;
    const unit = TestTasks.unit();
    const reports = new Reports();
    unit.tasks.addTask(reports, 'flaky');
    expect(() => unit.tasks.addTask(reports, 'build', Symbol('May') as never)).toThrow(TaskArgumentError);
    await unit.run();
    expect(done).toEqual(['flaky', 'flaky', 'flaky']);
  });

  test('says which object of a class is missing', async () => {
    const unit = TestTasks.unit();
    unit.tasks.addTask(Reports, 'build', 'May');
    await expect(unit.run()).rejects.toThrow(
      'TestTasks.unit: expected an object of the class Reports, which a task names, got none. ' +
        'Give it: TestTasks.unit({ providers: [new Reports()] }).',
    );
  });

  test('throws what a task threw', async () => {
    const unit = TestTasks.unit();
    unit.tasks.addTask(new Mailer(), 'bounce', 'a@b.c');
    await expect(unit.run()).rejects.toThrow(new RangeError('no mailbox a@b.c'));
  });
});
