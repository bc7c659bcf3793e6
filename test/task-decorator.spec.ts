import { Controller, Get, Injectable } from '@nestjs/common';
import { expect, test } from 'vitest';
import {
  BackgroundTasks,
  DefineTaskError,
  InvalidOptionError,
  Task,
  TaskRegistry,
  TaskRunner,
} from 'nestjs-background-tasks';
import { taskOfNoMethod } from '../lib/task/task.messages.ts';
import { unknownOption } from '../lib/validation/validation.messages.ts';
import { startApp } from './fixtures/start-app.ts';
import { taskOptionNames } from './fixtures/task-option-names.ts';

/** Like decorators that measure, cache or lock: puts another function in the method's place, with its metadata. */
function Wrapped(): MethodDecorator {
  return (_holder, _name, descriptor) => {
    const original = descriptor.value as unknown as (...args: unknown[]) => unknown;
    const wrapper = function (this: unknown, ...args: unknown[]) {
      return Reflect.apply(original, this, args);
    };
    for (const key of Reflect.getMetadataKeys(original) as unknown[]) {
      Reflect.defineMetadata(key, Reflect.getMetadata(key, original), wrapper);
    }
    descriptor.value = wrapper as never;
  };
}

@Injectable()
class Mailer {
  readonly sent: string[] = [];
  failing = 2;

  @Task({ attempts: 3 })
  send(address: string): number {
    if (this.failing-- > 0) {
      throw new Error('busy');
    }
    return this.sent.push(address);
  }

  @Wrapped()
  @Task({ attempts: 3 })
  sendWrapped(address: string): number {
    return this.send(address);
  }

  @Task({ name: 'newsletter' })
  sendNews(): void {}

  @Task()
  static flush(): string {
    return 'flushed';
  }
}

@Injectable()
class QuietMailer extends Mailer {
  override sendNews(): void {}
}

test('the options of a method apply wherever it is added, and it keeps its `this`', async () => {
  const { app } = await startApp({ providers: [Mailer] });
  const mailer = app.get(Mailer);
  const task = app.get(TaskRunner).start(mailer, 'send', 'ada@example.com');
  expect(await task.settled()).toMatchObject({ name: 'Mailer.send', status: 'completed', attempts: 3, result: 1 });
  expect(mailer.sent).toEqual(['ada@example.com']);
});

@Controller()
class Newsletter {
  readonly sent: string[] = [];
  failing = 2;

  constructor(
    private readonly tasks: BackgroundTasks,
    private readonly runner: TaskRunner,
  ) {}

  @Get('by-tasks')
  byTasks() {
    return { id: this.tasks.addTask(this, 'send', 'ada@example.com').id };
  }

  @Get('by-runner')
  byRunner() {
    return { id: this.runner.start(this, 'send', 'ada@example.com').id };
  }

  @Task({ attempts: 3 })
  async send(address: string): Promise<number> {
    if (this.failing-- > 0) {
      throw new Error('busy');
    }
    return this.sent.push(address);
  }
}

test.each(['by-tasks', 'by-runner'])('the options apply where a class adds its own method: %s', async (path) => {
  const { app, url } = await startApp({ controllers: [Newsletter] });
  const response = await fetch(`${url}/${path}`);
  const { id } = (await response.json()) as { id: string };
  await app.get(TaskRunner).drain();
  expect(await app.get(TaskRegistry).get(id)).toMatchObject({
    name: 'Newsletter.send',
    status: 'completed',
    attempts: 3,
    result: 1,
  });
});

test('options of the call override them', async () => {
  const { app } = await startApp({ providers: [Mailer] });
  const task = app.get(TaskRunner).with({ attempts: 1 }).start(app.get(Mailer), 'send', 'ada@example.com');
  expect(await task.settled()).toMatchObject({ status: 'failed', attempts: 1 });
});

test('options also apply if another decorator has wrapped the method', async () => {
  const { app } = await startApp({ providers: [Mailer] });
  const task = app.get(TaskRunner).start(app.get(Mailer), 'sendWrapped', 'ada@example.com');
  expect(await task.settled()).toMatchObject({ name: 'Mailer.sendWrapped', status: 'completed', attempts: 3 });
});

test('a task is named after the class and the method, or by the option name', async () => {
  const { app } = await startApp({ providers: [Mailer, QuietMailer] });
  const runner = app.get(TaskRunner);
  const names = [
    runner.start(app.get(Mailer), 'sendNews'),
    runner.start(app.get(QuietMailer), 'send', ''),
    runner.start(app.get(QuietMailer), 'sendNews'),
    runner.start(Mailer, 'flush'),
    runner.with({ name: 'once' }).start(app.get(Mailer), 'sendNews'),
  ].map(({ name }) => name);
  expect(names).toEqual(['newsletter', 'QuietMailer.send', 'QuietMailer.sendNews', 'Mailer.flush', 'once']);
});

test('a method can still be called directly', () => {
  const mailer = new Mailer();
  mailer.failing = 0;
  expect(mailer.send('ada@example.com')).toBe(1);
});

test('@Task throws for something that is no method, and for a generator', () => {
  const holder = { constructor: Mailer };
  expect(() => Task()(holder, 'sender', undefined as never)).toThrow(
    new DefineTaskError(taskOfNoMethod('Mailer', 'sender', 'undefined')),
  );
  const rows = { value: function* rows() {} };
  expect(() => Task()(holder, 'rows', rows as never)).toThrow(
    new DefineTaskError(taskOfNoMethod('Mailer', 'rows', 'the function rows')),
  );
});

test('@Task throws for an unknown option', () => {
  expect(() => Task({ retries: 3 } as never)).toThrow(InvalidOptionError);
  expect(() => Task({ retries: 3 } as never)).toThrow(unknownOption('@Task', 'retries', taskOptionNames));
});
