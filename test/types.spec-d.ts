import type { Observable } from 'rxjs';
import { expectTypeOf, test, vi } from 'vitest';
import {
  type BackgroundTask,
  type BackgroundTasks,
  step,
  type Flow,
  type TaskRecord,
  type TaskRunner,
} from 'nestjs-background-tasks';

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

/** Adds its own methods, as a controller or service does. */
class Reports<T> {
  readonly title = 'report';
  protected readonly tasks = tasks;
  optional?(): void;
  build(_id: string, _pages = 1): number {
    return 1;
  }
  async buildLater(id: string): Promise<string> {
    return id;
  }
  each(_visit: (item: { id: string }) => void): void {}
  generic<V>(value: V): V {
    return value;
  }
  overloaded(id: string): string;
  overloaded(id: number): number;
  overloaded(id: string | number): string | number {
    return id;
  }
  of(_value: T, _times: number): void {}
  join(other: this): this {
    return other;
  }
  static rebuild(_all: boolean): void {}
  private secret(): void {}
  protected inherited(_id: string): void {}

  // Without a written type, the compiler looks at what the handler returns: that must not lead back to the handler.
  handler(id: string) {
    const task = this.tasks.addTask(this, 'build', id);
    return { id: task.id, task };
  }

  add(value: T) {
    expectTypeOf(tasks.addTask(this, 'build', 'a')).toEqualTypeOf<BackgroundTask<number>>();
    expectTypeOf(tasks.addTask(this, 'buildLater', 'a')).toEqualTypeOf<BackgroundTask<string>>();
    expectTypeOf(tasks.with({ attempts: 2 }).addTask(this, 'build', 'a', 2)).toEqualTypeOf<BackgroundTask<number>>();
    expectTypeOf(runner.start(this, 'build', 'a')).toEqualTypeOf<BackgroundTask<number>>();
    expectTypeOf(runner.with({ attempts: 2 }).start(this, 'build', 'a')).toEqualTypeOf<BackgroundTask<number>>();
    expectTypeOf(step(this, 'build', 'a')).toEqualTypeOf<Flow<number>>();
    tasks.addTask(this, 'each', (item) => expectTypeOf(item.id).toBeString());
    tasks.addTask(this, 'generic', 5);
    tasks.addTask(this, 'overloaded', 5);
    tasks.addTask(this, 'of', value, 2);
    tasks.addTask(this, 'join', this);
    // @ts-expect-error wrong argument
    tasks.addTask(this, 'build', 5);
    // @ts-expect-error missing argument
    tasks.addTask(this, 'build');
    // @ts-expect-error too many arguments
    tasks.addTask(this, 'build', 'a', 1, 2);
    // @ts-expect-error not of the type of the class's parameter
    tasks.addTask(this, 'of', 5, 2);
    // @ts-expect-error a method that may be missing
    tasks.addTask(this, 'optional');
    // @ts-expect-error a property
    tasks.addTask(this, 'title');
    // @ts-expect-error no such method
    tasks.addTask(this, 'nope');
    // @ts-expect-error a private method
    tasks.addTask(this, 'secret');
    // @ts-expect-error a protected method
    tasks.addTask(this, 'inherited', 'a');
    // @ts-expect-error wrong argument
    runner.start(this, 'build', 5);
    // @ts-expect-error wrong argument
    step(this, 'build', 5);
  }

  static addStatic() {
    tasks.addTask(this, 'rebuild', true);
    // @ts-expect-error wrong argument
    tasks.addTask(this, 'rebuild', 5);
  }
}

class SalesReports extends Reports<number> {
  sales(_year: number): void {}
  override add() {
    tasks.addTask(this, 'sales', 2026);
    tasks.addTask(this, 'build', 'a');
    tasks.addTask(this, 'of', 1, 2);
    // @ts-expect-error wrong argument of an inherited method
    tasks.addTask(this, 'of', 'a', 2);
  }
}

test('a target of an unknown subclass, or of several types', () => {
  const later = <M extends Mailer>(it: M) => ({ it, task: tasks.addTask(it, 'send', 'a') });
  expectTypeOf(later(mailer).task).toEqualTypeOf<BackgroundTask<number>>();
  expectTypeOf(tasks.addTask(new SalesReports(), 'sales', 1)).toEqualTypeOf<BackgroundTask<void>>();

  const either = mailer as Mailer | { send(to: string): number };
  expectTypeOf(tasks.addTask(either, 'send', 'a')).toEqualTypeOf<BackgroundTask<number>>();
  // @ts-expect-error only one of them has it
  tasks.addTask(either, 'sendLater', 'a');
  const clash = mailer as Mailer | { send(to: number): number };
  // @ts-expect-error one of them takes a number
  tasks.addTask(clash, 'send', 'a');
  const handler = { run: send as ((to: string) => void) | ((to: number) => void) };
  // @ts-expect-error one of them takes a number
  tasks.addTask(handler, 'run', 'a');
  const maybe = mailer as Mailer | undefined;
  // @ts-expect-error may be undefined
  tasks.addTask(maybe, 'send', 'a');
});

test('a function that adds what it was given', () => {
  const later = <A extends unknown[]>(fn: (...args: A) => void, ...args: A) => tasks.addTask(fn, ...args);
  later(send, 'a', 2);
  const start = <F extends (...args: never[]) => unknown>(fn: F, ...args: Parameters<F>) => runner.start(fn, ...args);
  start(send, 'a');
});

/** What the types for mocks of Jest and others ask for. */
type Mocked<T> = {
  // oxlint-disable-next-line typescript/no-explicit-any
  [K in keyof T]: T[K] extends (this: infer This, ...args: any[]) => unknown ? { calledWith: This } : never;
};

test('doubles of tests fit', () => {
  expectTypeOf<Mocked<Pick<BackgroundTasks, 'addTask'>>['addTask']>().not.toBeNever();
  expectTypeOf<Mocked<Pick<TaskRunner, 'start'>>['start']>().not.toBeNever();
  const double = { addTask: vi.fn() } satisfies Pick<BackgroundTasks, 'addTask'>;
  expectTypeOf(double).toExtend<Pick<BackgroundTasks, 'addTask'>>();
  const mocked = vi.mocked(tasks);
  mocked.addTask.mockReturnValue({ id: 'x' } as BackgroundTask<never>);
  mocked.addTask(mailer, 'send', 'a');
  tasks.addTask(vi.fn(), 1, 2);
  const fn = vi.fn(send);
  tasks.addTask(fn, 'a');
  // @ts-expect-error wrong argument
  tasks.addTask(fn, 5);
  const mockedMailer = vi.mocked(mailer);
  expectTypeOf(tasks.addTask(mockedMailer, 'send', 'a')).toEqualTypeOf<BackgroundTask<number>>();
  // @ts-expect-error wrong argument
  tasks.addTask(mockedMailer, 'send', 5);
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
