import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  chain,
  currentTask,
  defineTask,
  previousResult,
  step,
  Task,
  TaskArgumentError,
  TaskRegistry,
} from 'nestjs-background-tasks';
import { BullMqQueues, BullMqTasksModule } from 'nestjs-background-tasks/bullmq';
import { stepBeforeWithoutResult } from '../../lib/durable/durable.messages.ts';
import { textRefused, unreadableArguments, unreadableResult } from '../../lib/bullmq/bullmq.messages.ts';
import { resultNotData, resultNotSerializable, resultTooLarge } from '../../lib/durable/codec/codec.messages.ts';
import { BullMqConnection } from '../../lib/bullmq/store/bullmq-connection.ts';
import { resultNotJson } from '../../lib/task/model/task-record.ts';
import { ownPrefix, stopStores, stores } from '../fixtures/queue-stores.ts';
import { startApp } from '../fixtures/start-app.ts';

class HttpError extends Error {
  override readonly name = 'Http-Error 503';
}

const THROWN: [string, unknown][] = [
  ['text', 'TypeError: just text'],
  ['empty text', ''],
  ['long text', 'x'.repeat(200)],
  ['undefined', undefined],
  ['null', null],
  ['a number', 5],
  ['a symbol', Symbol('why')],
  ['an object', { message: 'not an error' }],
  ['a name with spaces', new HttpError('away')],
  ['a name that was set later', Object.assign(new Error('no'), { name: 'Later' })],
  ['a name that BullMQ uses', Object.assign(new Error('no'), { name: 'UnrecoverableError' })],
  ['the name of a cancellation', Object.assign(new Error('no'), { name: 'TaskCancelledError' })],
  ['a message that BullMQ uses', new Error('bullmq:rateLimitExceeded')],
  ['a cause that is text', new Error('no', { cause: 'text\nof two lines' })],
  ['a cause with a name', new Error('no', { cause: new HttpError('away') })],
  ['a message that looks like a stack', new Error('a\nCaused by: X: y\nRecord: {"name":"X","message":"y"}')],
];

const circle: { self?: object } = {};
circle.self = {
  get broken(): never {
    throw new Error('no getter');
  },
};

const done: string[] = [];

@Injectable()
class Values {
  @Task({ queue: 'values' })
  fails(index: number) {
    throw THROWN[index]![1];
  }

  @Task({ queue: 'values' })
  large() {
    done.push('large');
    return 'x'.repeat(202);
  }

  @Task({ queue: 'values' })
  broken() {
    done.push('broken');
    return circle;
  }

  @Task({ queue: 'values' })
  gives() {
    return () => 1;
  }

  @Task({ queue: 'values' })
  takes(value: unknown) {
    return value;
  }

  @Task({ queue: 'values' })
  throws(text: string) {
    throw new Error(text, { cause: new Error(text) });
  }

  @Task({ queue: 'values' })
  progresses(progress: object) {
    currentTask()!.updateProgress(progress);
  }
}

stopStores();

// PGlite takes long to start on a busy machine.
describe.each([...stores, { name: 'PGlite', connection: 'pglite:' }])(
  'on $name',
  { timeout: 180_000 },
  ({ connection }) => {
    const start = async (maxSize = 1_000_000) => {
      const started = await startApp({
        imports: [BullMqTasksModule.forRoot({ connection, prefix: ownPrefix(), maxSize })],
        providers: [Values],
      });
      return { ...started, values: started.app.get(Values), registry: started.app.get(TaskRegistry) };
    };

    test('whatever a task throws has the same record as in the process', async () => {
      const { runner, values } = await start();
      const inProcess = THROWN.map(([, thrown]) => runner.start(() => Promise.reject(thrown as Error)));
      const inQueue = THROWN.map((_, index) => runner.start(values, 'fails', index));
      const [expected, found] = await Promise.all(
        [inProcess, inQueue].map((tasks) => Promise.all(tasks.map((task) => task.settled()))),
      );
      const errorsOf = (records: typeof expected) =>
        records!.map(({ status, error }, i) => [THROWN[i]![0], status, error]);
      expect(errorsOf(found)).toEqual(errorsOf(expected));
    });

    test('a result that can’t be kept is left out of the record of a task that is done', async () => {
      const { runner, values, log, registry } = await start(100);
      done.length = 0;
      const tasks = [runner.start(values, 'large'), runner.start(values, 'broken'), runner.start(values, 'gives')];
      const records = await Promise.all(tasks.map((task) => task.settled()));
      const reasons = [
        resultTooLarge('Values.large', 213, 100),
        resultNotSerializable('Values.broken', 'Error'),
        resultNotData('Values.gives', 'an anonymous function'),
      ];
      for (const [i, resultOmitted] of reasons.entries()) {
        expect(records[i]).toMatchObject({ status: 'completed', attempts: 1, resultOmitted });
        expect(records[i]).not.toHaveProperty('result');
      }
      expect(await registry.list({ queue: 'values', status: 'failed' })).toEqual([]);
      expect(done.toSorted()).toEqual(['broken', 'large']);
      expect(
        log
          .said('warn')
          .map(({ message }) => message)
          .toSorted(),
      ).toEqual(reasons.map((reason, i) => `${reason} (${tasks[i]!.id})`).toSorted());
      const first = step(values, 'large');
      const last = await runner.start(chain(first, step(values, 'takes', previousResult))).settled();
      expect(last.status).toBe('failed');
      expect(last.error!.message).toContain(stepBeforeWithoutResult('', '').split(' the step ')[0]);
      expect(await runner.start(chain(first, step(values, 'takes', 5))).settled()).toMatchObject({ result: 5 });
    });

    test('odd jobs break neither records nor lists nor the worker', async () => {
      const { app, runner, values, registry, log } = await start();
      const queue = app.get(BullMqQueues).get('values');
      const ids: string[] = [];
      const odd = [undefined, null, 'text', 5, [1], {}, { args: null, before: 5, previousAt: 'x', options: null }];
      for (const data of odd) {
        const { id } = await queue.add('Values.takes', data, { jobId: randomUUID() });
        ids.push(id!);
      }
      await queue.add('Values.unknown', null, { jobId: randomUUID(), delay: 1_000_000 });
      const waiting = await queue.add('Values.takes', null, { jobId: randomUUID(), delay: 1_000_000 });
      const message = unreadableArguments('Values.takes', 'values');
      for (const id of ids) {
        await expect.poll(() => registry.get(id)).toMatchObject({ status: 'failed', error: { message } });
      }
      expect(await runner.start(values, 'takes', 'good').settled()).toMatchObject({ result: 'good' });
      expect(await registry.list({ queue: 'values' })).toHaveLength(odd.length + 3);
      expect(await registry.cancel(waiting.id!)).toBe(true);
      expect(await registry.retry(ids[0]!)).toBe(true);
      await expect.poll(() => log.said('error').length).toBe(odd.length + 1);
    });

    test('nor do jobs with wrong marks, times and options', async () => {
      const { app, runner, values, registry } = await start();
      const queue = app.get(BullMqQueues).get('values');
      const args = { json: [1] };
      const add = async (name: string, data: object, opts: object = {}) =>
        (await queue.add(name, { args, ...data }, { jobId: randomUUID(), ...opts })).id!;
      const slow = await Promise.all(
        [-5, 1e12, Number.NaN].map((timeout) => add('Values.takes', { options: { timeout } })),
      );
      const marked = await add('Values.takes', { cancelledAt: 'never', claimsAtCancel: {}, unknownSince: [] });
      const old = await add('Values.takes', {}, { timestamp: 1 });
      const unknown = await add('Values.unknown', { unknownSince: 'long ago' });
      for (const id of [...slow, marked, old]) {
        await expect.poll(() => registry.get(id)).toMatchObject({ status: 'completed', result: 1 });
      }
      expect(await runner.start(values, 'takes', 'good').settled()).toMatchObject({ result: 'good' });
      // The worker notes since when the name is unknown, and waits.
      await expect
        .poll(async () => (await queue.getJob(unknown))?.data)
        .toMatchObject({ unknownSince: expect.any(Number) });
      expect(await registry.list({ queue: 'values' })).toHaveLength(7);
    });

    test('a result that another program has written is left out', async () => {
      const { app } = await startApp({
        imports: [BullMqTasksModule.forRoot({ connection, prefix: ownPrefix(), worker: false })],
        providers: [Values],
      });
      const queue = app.get(BullMqQueues).get('values');
      const claims = app.get(BullMqConnection).worker('values', () => Promise.resolve('text' as never), {});
      onTestFinished(() => claims.close());
      void claims.run();
      const { id } = await queue.add('Values.takes', {}, { jobId: randomUUID() });
      await expect
        .poll(() => app.get(TaskRegistry).list({ queue: 'values' }))
        .toMatchObject([{ id, status: 'completed', resultOmitted: unreadableResult('Values.takes') }]);
    });

    test.each([
      ['NUL', 'a\0b'],
      ['half a character', 'a\ud800b'],
    ])('%s passes in arguments, results, errors and progress', async (_name, text) => {
      const { runner, values, registry } = await start();
      const [taken, thrown] = await Promise.all([
        runner.start(values, 'takes', { [text]: text }).settled(),
        runner.start(values, 'throws', text).settled(),
      ]);
      expect(taken).toMatchObject({ status: 'completed', result: { [text]: text } });
      expect(thrown.error).toMatchObject({ message: 'a\uFFFDb', cause: { message: 'a\uFFFDb' } });
      for (const progress of [{ text }, { base64: 'user' }, { list: [{ [text]: 1 }] }]) {
        const { id } = await runner.start(values, 'progresses', progress).settled();
        expect(await registry.get(id)).toMatchObject({ status: 'completed', progress });
      }
    });

    test.each(['a\0b', 'a\ud800b'])('%j in a name or a deduplication id is an argument error', async (text) => {
      const named = defineTask(() => undefined, { name: text, queue: 'values' });
      const { runner, values } = await start();
      expect(() => runner.start(named)).toThrow(new TaskArgumentError(textRefused('a\uFFFDb', 'a name')));
      expect(() => runner.with({ deduplication: { id: text } }).start(values, 'takes', 1)).toThrow(
        new TaskArgumentError(textRefused('Values.takes', 'a deduplication id')),
      );
    });

    test('keys of request bodies pass, also in results and progress', async () => {
      const body = JSON.parse('{"a":{"constructor":{"prototype":1}},"__proto__":{"isAdmin":true}}') as object;
      const { runner, values, registry } = await start();
      const record = await runner.start(values, 'takes', { body, at: new Date(0) }).settled();
      // Not toStrictEqual, which takes the key `constructor` for the class of an object.
      expect(isDeepStrictEqual(record.result, { body, at: '1970-01-01T00:00:00.000Z' })).toBe(true);
      const { id } = await runner.start(values, 'progresses', body).settled();
      expect(isDeepStrictEqual((await registry.get(id))!.progress, body)).toBe(true);
      expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
    });
  },
);

test('a function is left out of a record of this process, which says so', async () => {
  const { app, runner } = await startApp({});
  for (const result of [() => 1, Symbol('x')]) {
    const task = runner.start(() => result);
    await task.settled();
    expect(await app.get(TaskRegistry).get(task.id)).toMatchObject({
      status: 'completed',
      resultOmitted: resultNotJson('anonymous'),
    });
  }
});

test.runIf(stores.some(({ name }) => name === 'Redis'))(
  'a job with fields that BullMQ can’t read breaks no list, on Redis',
  async () => {
    const { connection } = stores.find(({ name }) => name === 'Redis')!;
    const prefix = ownPrefix();
    const { app } = await startApp({
      imports: [BullMqTasksModule.forRoot({ connection, prefix, worker: false })],
      providers: [Values],
    });
    const queue = app.get(BullMqQueues).get('values');
    const redis = new Redis(connection);
    onTestFinished(() => redis.disconnect());
    const wrong = [
      { data: 'no JSON' },
      { opts: 'null' },
      { progress: '{' },
      { timestamp: 'soon' },
      { timestamp: 'nan' },
    ];
    for (const fields of wrong) {
      const { id } = await queue.add('Values.takes', {}, { jobId: randomUUID() });
      await redis.hset(`${prefix}:values:${id}`, fields);
    }
    const { id } = await queue.add('Values.takes', { args: { json: [1] } }, { jobId: randomUUID() });
    const found = await app.get(TaskRegistry).list({ queue: 'values' });
    expect(found).toHaveLength(3);
    expect(found[0]).toMatchObject({ id, status: 'pending' });
  },
);

test('a result that JSON can’t express is left out of a record of this process, which says so', async () => {
  const { app, runner } = await startApp({});
  const circular: { self?: object } = {};
  circular.self = circular;
  const task = runner.start(() => {
    currentTask()!.updateProgress(0.5);
    return circular;
  });
  await task.settled();
  expect(await app.get(TaskRegistry).get(task.id)).toMatchObject({
    status: 'completed',
    progress: 0.5,
    resultOmitted: resultNotJson('anonymous'),
  });
});
