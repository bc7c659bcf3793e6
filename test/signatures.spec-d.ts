import { expectTypeOf, test } from 'vitest';
import { type BackgroundTask, BackgroundTasks, type Flow, step, type TaskRunner } from 'nestjs-background-tasks';

declare function send(to: string, times?: number): number;
declare function each(visit: (item: { id: string }) => void): void;

declare class Mailer {
  readonly sender: string;
  static stats(detailed: boolean): void;
  sendLater(to: string): Promise<string>;
}
declare const mailer: Mailer;

test('addTask and start take the same arguments', () => {
  expectTypeOf<BackgroundTasks['addTask']>().toEqualTypeOf<TaskRunner['start']>();
});

test('step takes the same arguments, except a flow', () => {
  expectTypeOf(step(send, 'a', 2)).toEqualTypeOf<Flow<number>>();
  expectTypeOf(step(mailer, 'sendLater', 'a')).toEqualTypeOf<Flow<string>>();
  expectTypeOf(step(Mailer, 'sendLater', 'a')).toEqualTypeOf<Flow<string>>();
  expectTypeOf(step(Mailer, 'stats', true)).toEqualTypeOf<Flow<void>>();
  step(each, (item) => expectTypeOf(item.id).toBeString());
  // @ts-expect-error wrong argument
  step(send, 5);
  // @ts-expect-error missing argument
  step(mailer, 'sendLater');
  // @ts-expect-error a property
  step(mailer, 'sender');
  // @ts-expect-error wrong argument of a method of that class's objects
  step(Mailer, 'sendLater', 5);
  // @ts-expect-error a class
  step(Mailer);
  // @ts-expect-error a flow
  step(step(send, 'a'));
});

test('a subclass can override addTask with a method', () => {
  abstract class Own extends BackgroundTasks {
    override addTask(): never {
      throw new Error('not accepted');
    }
  }
  expectTypeOf<Own>().toExtend<BackgroundTasks>();
  abstract class Counting extends BackgroundTasks {
    // oxlint-disable-next-line typescript/no-explicit-any
    override addTask(...task: [any, ...any[]]): BackgroundTask<any> {
      const [first, ...rest] = task;
      return super.addTask(first, ...rest);
    }
  }
  expectTypeOf<Counting>().toExtend<BackgroundTasks>();
});
