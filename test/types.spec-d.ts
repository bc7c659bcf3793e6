import type { Observable } from 'rxjs';
import { expectTypeOf, test } from 'vitest';
import type { BackgroundTask, BackgroundTasks, TaskRecord, TaskRunner } from 'nestjs-background-tasks';

declare const tasks: BackgroundTasks;
declare const runner: TaskRunner;

declare function send(to: string, times?: number): number;
declare function sendLater(to: string): Promise<string>;
declare function sendHot(to: string): Observable<boolean>;
declare function each(visit: (item: { id: string }) => void): void;
declare function rest(first: number, ...others: string[]): void;
declare function identity<T>(value: T): T;

class Mailer {
  readonly sender = 'noreply';
  optional?: () => void;
  static stats(_detailed: boolean): void {}
  send(_to: string, times = 1): number {
    return times;
  }
  async sendLater(to: string): Promise<string> {
    return to;
  }
  level(_level: 'info' | 'warn', _options: { a: number; b?: string }): void {}
  private secret(): void {}
}

interface Sender {
  send(to: string): Promise<void>;
}

/** Like axios: a function with methods. */
declare const callable: { (url: string): Promise<string>; get(url: string): Promise<string> };
declare const handlers: (() => void)[];
declare const mailer: Mailer;
declare const sender: Sender;

test('what fits compiles, and the handle knows the result', () => {
  expectTypeOf(tasks.addTask(send, 'a')).toEqualTypeOf<BackgroundTask<number>>();
  expectTypeOf(tasks.addTask(send, 'a', 2)).toEqualTypeOf<BackgroundTask<number>>();
  expectTypeOf(tasks.addTask(sendLater, 'a')).toEqualTypeOf<BackgroundTask<string>>();
  expectTypeOf(tasks.addTask(sendHot, 'a')).toEqualTypeOf<BackgroundTask<boolean | undefined>>();
  expectTypeOf(tasks.addTask(async () => {})).toEqualTypeOf<BackgroundTask<void>>();
  expectTypeOf(tasks.addTask(mailer, 'send', 'a')).toEqualTypeOf<BackgroundTask<number>>();
  expectTypeOf(tasks.addTask(mailer, 'sendLater', 'a')).toEqualTypeOf<BackgroundTask<string>>();
  expectTypeOf(tasks.addTask(sender, 'send', 'a')).toEqualTypeOf<BackgroundTask<void>>();
  expectTypeOf(tasks.with({ runOn: 'always' }).addTask(send, 'a')).toEqualTypeOf<BackgroundTask<number>>();
  expectTypeOf(runner.start(send, 'a')).toEqualTypeOf<BackgroundTask<number>>();
  expectTypeOf(runner.with({ name: 'x' }).start(mailer, 'send', 'a', 2)).toEqualTypeOf<BackgroundTask<number>>();
  expectTypeOf(runner.start(send, 'a').settled()).resolves.toEqualTypeOf<TaskRecord<number>>();
  tasks.addTask(each, (item) => expectTypeOf(item.id).toBeString());
  tasks.addTask(rest, 1, 'a', 'b');
  tasks.addTask(identity, 5);
  tasks.addTask(mailer, 'level', 'info', { a: 1 });
  tasks.addTask(Mailer, 'stats', true);
  expectTypeOf(tasks.addTask(Mailer, 'sendLater', 'a')).toEqualTypeOf<BackgroundTask<string>>();
  expectTypeOf(runner.start(Mailer, 'send', 'a', 2)).toEqualTypeOf<BackgroundTask<number>>();
  tasks.addTask(console, 'log', 1, 'two');
});

test('what does not fit does not compile', () => {
  // @ts-expect-error wrong argument
  tasks.addTask(send, 5);
  // @ts-expect-error missing argument
  tasks.addTask(send);
  // @ts-expect-error too many arguments
  tasks.addTask(send, 'a', 1, 2);
  // @ts-expect-error wrong rest argument
  tasks.addTask(rest, 1, 'a', 2);
  // @ts-expect-error wrong argument of a method
  tasks.addTask(mailer, 'send', 5);
  // @ts-expect-error missing argument of a method
  tasks.addTask(mailer, 'send');
  // @ts-expect-error too many arguments of a method
  tasks.addTask(mailer, 'send', 'a', 1, 2);
  // @ts-expect-error not one of the literals
  tasks.addTask(mailer, 'level', 'loud', { a: 1 });
  // @ts-expect-error not a property of the argument
  tasks.addTask(mailer, 'level', 'info', { a: 1, c: 2 });
  // @ts-expect-error no such method
  tasks.addTask(mailer, 'nope');
  // @ts-expect-error a property
  tasks.addTask(mailer, 'sender');
  // @ts-expect-error a method that may be missing
  tasks.addTask(mailer, 'optional');
  // @ts-expect-error a private method
  tasks.addTask(mailer, 'secret');
  // @ts-expect-error the result of calling it
  tasks.addTask(sendLater('a'));
  // @ts-expect-error a class
  tasks.addTask(Mailer);
  // @ts-expect-error nothing
  tasks.addTask();
  // @ts-expect-error a function with methods counts as a function
  tasks.addTask(callable, 'get', '/');
  // @ts-expect-error an index is no name of a method
  tasks.addTask(handlers, 0);
  // @ts-expect-error undefined
  tasks.addTask(undefined);
  // @ts-expect-error a string
  tasks.addTask('send');
  // @ts-expect-error an unknown option
  tasks.with({ attempt: 1 });
  // @ts-expect-error a wrong option
  tasks.with({ runOn: 'sometimes' });
  // @ts-expect-error wrong argument
  runner.start(send, 5);
  // @ts-expect-error no such method of that class, nor of its objects
  runner.start(Mailer, 'nope');
  // @ts-expect-error wrong argument of a method of that class's objects
  runner.start(Mailer, 'send', 5);
  // @ts-expect-error no such method
  runner.start(mailer, 'nope');
});
