import { Controller, Get, Inject, Injectable, Module, Scope } from '@nestjs/common';
import { LazyModuleLoader, REQUEST } from '@nestjs/core';
import { expect, test } from 'vitest';
import { BackgroundTasks, currentTask, Task, TaskArgumentError, type BackgroundTask } from 'nestjs-background-tasks';
import { notProvided, providedWithoutMethod } from '../lib/execution/execution.messages.ts';
import { Gate } from './fixtures/gate.ts';
import { startApp } from './fixtures/start-app.ts';

let made = 0;

@Injectable()
class Clock {
  readonly now = 5;
}

@Injectable({ scope: Scope.REQUEST })
class Report {
  readonly instance = ++made;

  constructor(
    readonly clock: Clock,
    @Inject(REQUEST) readonly request: object | undefined,
  ) {}

  @Task({ attempts: 2 })
  render(id: string): { id: string; instance: number; now: number; hasRequest: boolean } {
    return { id, instance: this.instance, now: this.clock.now, hasRequest: this.request !== undefined };
  }

  @Task({ attempts: 3 })
  fail(): number {
    if (currentTask()!.attempt < 3) {
      throw new Error('not yet');
    }
    return this.instance;
  }
}

/** Request-scoped, because its dependency is. */
@Injectable()
class Press {
  constructor(readonly report: Report) {}

  print(id: string): string {
    return `${id}: ${this.report.clock.now}`;
  }
}

@Injectable({ scope: Scope.TRANSIENT })
class Counter {
  count = 0;

  next(): number {
    return ++this.count;
  }
}

@Injectable()
class Total {
  count = 0;

  next(): number {
    return ++this.count;
  }
}

abstract class Sender {
  abstract send(address: string): string;
}

@Injectable()
class SmtpSender extends Sender {
  send(address: string): string {
    return `smtp to ${address}`;
  }
}

@Module({
  providers: [Clock, Report, Press, Counter, Total, { provide: Sender, useClass: SmtpSender }],
  exports: [Report],
})
class ReportsModule {}

const startReports = () => startApp({ imports: [ReportsModule] });

test('a request-scoped provider is made for the task, with its dependencies', async () => {
  const { runner } = await startReports();
  const [first, second] = await Promise.all([
    runner.start(Report, 'render', 'a').settled(),
    runner.start(Report, 'render', 'b').settled(),
  ]);
  expect(first).toMatchObject({ name: 'Report.render', result: { id: 'a', now: 5, hasRequest: false } });
  expect(first.result?.instance).not.toBe(second.result?.instance);
});

test('it is made for each attempt, and the options of its method apply', async () => {
  const { runner } = await startReports();
  const before = made;
  expect(await runner.start(Report, 'fail').settled()).toMatchObject({ status: 'completed', result: before + 3 });
});

test('it is made too if only its dependency is request-scoped', async () => {
  const { runner } = await startReports();
  expect(await runner.start(Press, 'print', 'a').settled()).toMatchObject({ status: 'completed', result: 'a: 5' });
});

test('a transient provider is made anew too, a singleton is not', async () => {
  const { runner } = await startReports();
  const results: unknown[] = [];
  for (const provider of [Counter, Counter, Total, Total]) {
    results.push((await runner.start(provider, 'next').settled()).result);
  }
  expect(results).toEqual([1, 1, 1, 2]);
});

test('an abstract class finds the class that is provided for it', async () => {
  const { runner } = await startReports();
  expect(await runner.start(Sender, 'send', 'ada').settled()).toMatchObject({
    name: 'Sender.send',
    result: 'smtp to ada',
  });
});

test('a provider that was made for a task is freed with it', async () => {
  const { runner } = await startReports();
  const references: WeakRef<object>[] = [];
  @Injectable({ scope: Scope.REQUEST })
  class Large {
    readonly memory = new Uint8Array(1_000);
    note(): void {
      references.push(new WeakRef(this));
    }
  }
  const { runner: ownRunner } = await startApp({ providers: [Large] });
  for (let i = 0; i < 50; i++) {
    await ownRunner.start(Large, 'note').settled();
  }
  await runner.drain();
  await expect
    .poll(() => {
      globalThis.gc!();
      return references.filter((reference) => reference.deref()).length;
    })
    .toBeLessThan(5);
});

test('in a request, an object stays that of the request, and a class gets an object of the task', async () => {
  const added: BackgroundTask<{ id: string; instance: number; now: number; hasRequest: boolean }>[] = [];
  let ofRequest = 0;

  @Controller({ scope: Scope.REQUEST })
  class Reports {
    constructor(
      private readonly tasks: BackgroundTasks,
      private readonly report: Report,
    ) {}

    @Get()
    add(): string {
      ofRequest = this.report.instance;
      added.push(this.tasks.addTask(this.report, 'render', 'a'), this.tasks.addTask(Report, 'render', 'b'));
      return 'ok';
    }
  }

  const { url } = await startApp({ imports: [ReportsModule], controllers: [Reports] });
  await fetch(url);
  const [kept, fresh] = await Promise.all(added.map((task) => task.settled()));
  expect(kept?.result).toEqual({ id: 'a', instance: ofRequest, now: 5, hasRequest: true });
  expect(fresh?.result).toEqual({ id: 'b', instance: ofRequest + 1, now: 5, hasRequest: false });
});

test('a constructor that throws fails the attempt, and the task is retried', async () => {
  let attempts = 0;
  @Injectable({ scope: Scope.REQUEST })
  class Shy {
    constructor() {
      if (++attempts < 2) {
        throw new Error('not yet');
      }
    }
    work(): string {
      return 'done';
    }
  }
  const { runner } = await startApp({ providers: [Shy] });
  const task = runner.with({ attempts: 2 }).start(Shy, 'work');
  expect(await task.settled()).toMatchObject({ status: 'completed', attempts: 2, result: 'done' });
});

test('a task that is cancelled while its provider is made does not run', async () => {
  const readiness = new Gate();
  const asked = new Gate();
  let hasRun = false;
  class Slow {
    work(): void {
      hasRun = true;
    }
  }
  const { runner } = await startApp({
    providers: [
      {
        provide: Slow,
        scope: Scope.REQUEST,
        useFactory: async () => {
          asked.open();
          await readiness.opened;
          return new Slow();
        },
      },
    ],
  });
  const task = runner.start(Slow, 'work');
  await asked.opened;
  expect(task.cancel()).toBe(true);
  readiness.open();
  expect(await task.settled()).toMatchObject({ status: 'cancelled' });
  await runner.start(Slow, 'work').settled();
  expect(hasRun).toBe(true);
});

test('a class of a module that is loaded later is found too', async () => {
  const { app, runner } = await startReports();
  await runner.start(Total, 'next').settled();
  @Injectable()
  class Late {
    work() {
      return 'late';
    }
  }
  @Injectable({ scope: Scope.REQUEST })
  class LateOfRequest extends Late {}
  @Module({ providers: [Late, LateOfRequest] })
  class LateModule {}
  await app.get(LazyModuleLoader).load(() => LateModule);
  for (const provider of [Late, LateOfRequest]) {
    expect(await runner.start(provider, 'work').settled()).toMatchObject({ status: 'completed', result: 'late' });
  }
});

test('a class that no module provides, or without the method, is refused at once', async () => {
  const { runner } = await startReports();
  class Unknown {
    work(): void {}
  }
  expect(() => runner.start(Unknown, 'work')).toThrow(new TaskArgumentError(notProvided('Unknown.work', 'Unknown')));
  expect(() => runner.start(Total, 'nope' as 'next')).toThrow(
    new TaskArgumentError(providedWithoutMethod('Total.nope', 'an object (Total)', 'nope')),
  );
});

test('a request-scoped provider without the method fails when the task runs', async () => {
  const { runner } = await startReports();
  const task = runner.start(Report, 'nope' as 'render', '');
  expect((await task.settled()).error?.message).toBe(
    providedWithoutMethod('Report.nope', 'an object (Report)', 'nope'),
  );
});

test('a class that is provided in its place must have the method', async () => {
  const { runner } = await startApp({ providers: [{ provide: Total, useValue: {} }] });
  expect(() => runner.start(Total, 'next')).toThrow(
    new TaskArgumentError(providedWithoutMethod('Total.next', 'an object (Object)', 'next')),
  );
});
