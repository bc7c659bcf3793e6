import { EMPTY, Observable, throwError, timer } from 'rxjs';
import { expect, test } from 'vitest';
import { startApp } from './fixtures/start-app.ts';

test('everything that a function returns is awaited', async () => {
  const { runner } = await startApp({});
  const lazyQuery = {
    times: 0,
    // oxlint-disable-next-line unicorn/no-thenable -- as query builders are
    then(resolve: (rows: string[]) => void) {
      this.times++;
      setImmediate(resolve, ['row']);
    },
  };
  const settled = await Promise.all(
    [
      runner.start(() => 1),
      runner.start(async () => 2),
      runner.start(() => Promise.resolve().then(() => 3)),
      runner.start(() => lazyQuery),
      runner.start(() => timer(1)),
      runner.start(() => EMPTY),
      runner.start(
        () =>
          new Observable<string>(
            (subscriber) =>
              void setImmediate(() => {
                subscriber.next('first');
                subscriber.next('last');
                subscriber.complete();
              }),
          ),
      ),
    ].map((task) => task.settled()),
  );
  expect(settled.map(({ status, result }) => [status, result])).toEqual([
    ['completed', 1],
    ['completed', 2],
    ['completed', 3],
    ['completed', ['row']],
    ['completed', 0],
    ['completed', undefined],
    ['completed', 'last'],
  ]);
  expect(lazyQuery.times).toBe(1);
});

test('every failure of a function is caught', async () => {
  const { runner, log } = await startApp({});
  const boom = new Error('boom');
  const tasks = [
    runner.start(() => {
      throw boom;
    }),
    runner.start(async () => {
      throw boom;
    }),
    runner.start(() => throwError(() => boom)),
    runner.start(() => ({
      // oxlint-disable-next-line unicorn/no-thenable -- a bad one
      then() {
        throw boom;
      },
    })),
    runner.start(() => ({
      // oxlint-disable-next-line unicorn/no-thenable -- a bad one
      get then(): undefined {
        throw boom;
      },
    })),
  ];
  for (const task of tasks) {
    expect(await task.settled()).toMatchObject({ status: 'failed', error: { name: 'Error', message: 'boom' } });
    expect(task.error).toBe(boom);
  }
  expect(log.said('error')).toHaveLength(tasks.length);
});

test('a result that throws when it is looked at fails its task', async () => {
  const { runner } = await startApp({});
  const strict = new Proxy<{ then?: undefined }>(
    {},
    {
      get(_target, name) {
        if (name !== 'then') {
          throw new Error(`no ${String(name)} here`);
        }
        return undefined;
      },
    },
  );
  for (const task of [runner.start(() => strict), runner.start(async () => strict)]) {
    expect(await task.settled()).toMatchObject({ status: 'failed', error: { message: 'no lift here' } });
  }
});
