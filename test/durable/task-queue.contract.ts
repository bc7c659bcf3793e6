// The contract of TaskQueue: what the core, and so every user, may expect of a queue, in whatever it is kept.
//
// How to add an adapter:
// 1. Implement TaskQueueHarness: `module` imports your adapter, whose queue registers itself at TaskQueueHost.
// 2. All modules of one harness read and write the same tasks, and the tasks outlive the applications.
// 3. Set `isShared: false` if only one application at a time can use them: then cases for two are left out or use one.
// 4. Set `hasSchedules: false` if repeating tasks don't run by themselves.
// 5. Let `module` honour `takes` (the queues whose tasks the application runs) and `slots` (how many of each at once).
// 6. Call describeTaskQueue(name, harness) in task-queue.spec.ts. The suite disposes of the harness.
import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { type DynamicModule, Injectable, type Type } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  BackgroundTasksModule,
  chain,
  currentTask,
  type Flow,
  group,
  InvalidOptionError,
  previousResult,
  type QueueStats,
  step,
  Task,
  TaskArgumentError,
  type TaskOptions,
  type TaskRecord,
  TaskRegistry,
  TaskRunner,
  type TaskStatus,
} from 'nestjs-background-tasks';
import { toDurableTask } from '../../lib/durable/durable-task.ts';
import { TaskQueueHost } from '../../lib/durable/task-queue-host.ts';
import { taskCancelled } from '../../lib/errors/task.errors.ts';
import type { DurableFilter, DurableTask, TaskDetails, TaskQueue, TaskSchedule } from '../../lib/durable/task-queue.ts';
import { readTaskCall } from '../../lib/task/call/read-task-call.ts';
import type { TaskCall } from '../../lib/task/call/task-call.ts';
import type { MethodName } from '../../lib/task/model/signatures.ts';
import { Gate } from '../fixtures/gate.ts';
import { RecordingLogger } from '../fixtures/recording-logger.ts';

/** What an adapter's module is given by the suite. */
export interface TaskQueueHarnessOptions {
  /** The queues from which the application takes tasks. With none it only enqueues and looks. */
  readonly takes: readonly string[];
  /** How many tasks of each queue the application runs at once. */
  readonly slots: number;
}

/** What the suite needs of an adapter. */
export interface TaskQueueHarness {
  /** Whether several applications can use the tasks at the same time. */
  readonly isShared: boolean;
  /** Whether repeating tasks run by themselves. */
  readonly hasSchedules: boolean;
  /** How many bytes of JSON the adapter allows for the arguments of a task, and for its result. */
  readonly maxSize: number;
  /** Kinds of resources that the harness keeps open after its applications, as process.getActiveResourcesInfo names them. */
  readonly keepsOpen: readonly string[];
  /** The module of the adapter. */
  module(options: TaskQueueHarnessOptions): DynamicModule;
  /** Removes the tasks, and stops what the harness has started. */
  dispose(): Promise<void>;
}

/** Taken by the applications that run tasks. */
const WORK = 'work';
const SIDE = 'side';
/** Taken by no application: what is in it stays pending. */
const IDLE = 'idle';
const LISTED = 'listed';
const COUNTED = 'counted';
const TICKS = 'ticks';

const patience = { timeout: 30_000, interval: 20 };

interface Run {
  readonly id: string;
  readonly attempt: number;
  readonly args: readonly unknown[];
  /** The provider of the application that ran it. */
  readonly by: object;
  readonly at: number;
  /** ms since the epoch. */
  readonly began: number;
}

const runs: Run[] = [];
const runsOf = (...ids: string[]) => runs.filter(({ id }) => ids.includes(id));

function noteRun(by: object, args: readonly unknown[]): void {
  const { id, attempt } = currentTask()!;
  runs.push({ id, attempt, args, by, at: performance.now(), began: Date.now() });
}

/** Lets a test decide when a task that has started goes on. */
class Hold {
  static readonly byKey = new Map<string, Hold>();
  readonly key = randomUUID();
  readonly started = new Gate();
  readonly released = new Gate();
  wasAborted = false;

  constructor() {
    Hold.byKey.set(this.key, this);
    onTestFinished(() => this.released.open());
  }

  async wait(signal: AbortSignal): Promise<void> {
    this.started.open();
    await new Promise<void>((resolve, reject) => {
      void this.released.opened.then(resolve);
      signal.addEventListener('abort', () => {
        this.wasAborted = true;
        reject(signal.reason as Error);
      });
    });
  }
}

/** While it is set, `mendable` fails. */
let isBroken = false;

@Injectable()
class Work {
  @Task({ queue: WORK })
  note(...args: unknown[]) {
    noteRun(this, args);
    return args.length;
  }

  @Task({ queue: WORK })
  join(previous: unknown, text: string) {
    noteRun(this, [previous, text]);
    return `${String(previous)} ${text}`;
  }

  @Task({ queue: WORK })
  values() {
    return { at: new Date(0), big: 2n ** 70n, tags: new Map([['a', 1]]), list: [undefined, NaN, -0], none: undefined };
  }

  @Task({ queue: WORK })
  text(length: number) {
    return 'x'.repeat(length);
  }

  @Task({ queue: WORK })
  progress(last: number) {
    for (let i = 1; i <= last; i++) {
      currentTask()!.updateProgress(i);
    }
  }

  @Task({ queue: WORK })
  fails(what = 'refused'): never {
    noteRun(this, [what]);
    throw new RangeError(what, { cause: new TypeError('no host') });
  }

  @Task({ queue: WORK })
  failsUntil(attempt: number) {
    noteRun(this, [attempt]);
    if (currentTask()!.attempt < attempt) {
      throw new RangeError('not yet');
    }
    return 'done';
  }

  @Task({ queue: WORK, attempts: 5, retryIf: (error) => !(error instanceof TypeError) })
  hopeless() {
    noteRun(this, []);
    throw currentTask()!.attempt === 1 ? new RangeError('worth another') : new TypeError('hopeless');
  }

  @Task({ queue: WORK, attempts: 2 })
  mendable() {
    noteRun(this, []);
    if (isBroken) {
      throw new RangeError('broken');
    }
    return 'mended';
  }

  @Task({ queue: WORK })
  async mendableAfter(key: string) {
    noteRun(this, [key]);
    await Hold.byKey.get(key)!.released.opened;
    if (isBroken) {
      throw new RangeError('broken too');
    }
    return 'mended too';
  }

  @Task({ queue: WORK })
  async hold(key: string) {
    noteRun(this, [key]);
    currentTask()!.updateProgress({ done: 1 });
    await Hold.byKey.get(key)!.wait(currentTask()!.signal);
    return 'released';
  }

  /** Lets go of another task by its key: it returns after that one has started. */
  @Task({ queue: SIDE })
  async release(key: string) {
    noteRun(this, [key]);
    await Hold.byKey.get(key)!.started.opened;
    Hold.byKey.get(key)!.released.open();
    return `released by ${currentTask()!.name}`;
  }

  @Task({ queue: SIDE })
  collect(results: unknown[], title: string) {
    noteRun(this, [results, title]);
    return { title, results };
  }

  @Task({ queue: IDLE })
  idle(...args: unknown[]) {
    noteRun(this, args);
  }

  @Task({ queue: COUNTED })
  counted(...args: unknown[]) {
    noteRun(this, args);
  }

  @Task({ queue: LISTED })
  listed() {
    noteRun(this, []);
  }

  @Task({ queue: LISTED })
  alsoListed() {
    noteRun(this, []);
  }

  @Task({ queue: LISTED })
  later() {
    noteRun(this, []);
  }
}

/** No application provides it. */
class Unknown {
  @Task({ queue: WORK, attempts: 3 })
  work() {}
}

@Injectable()
class Ticker {
  @Task({ queue: TICKS, repeat: { every: 200 } })
  tick() {
    noteRun(this, []);
    return 'ticked';
  }
}

const call = <K extends MethodName<Work>>(method: K, ...args: Parameters<Work[K]>) =>
  readTaskCall('start', [Work, method, ...args]);

/** The last one of a chain or group, with all before it. */
const callOf = (flow: Flow) => readTaskCall('start', [flow]);

function taskOf(it: TaskCall, options: TaskOptions = {}, createdAt = new Date()): DurableTask {
  return toDurableTask({ id: randomUUID(), createdAt }, it, options, {});
}

/** All ids of a task and of those before it, the first to run first. */
const idsOf = (task: DurableTask): string[] => [...(task.before?.tasks ?? []).flatMap(idsOf), task.id];

interface ApplicationOptions {
  readonly takes?: readonly string[];
  readonly provider?: Type;
  readonly shutdownTimeout?: number;
}

/** An application with the adapter's queue. Each method of the port is called here and nowhere else. */
class Application {
  readonly runner: TaskRunner;
  readonly registry: TaskRegistry;
  readonly #queue: TaskQueue;

  private constructor(
    readonly nest: TestingModule,
    /** The provider of its tasks. */
    readonly tasks: object,
  ) {
    this.runner = nest.get(TaskRunner);
    this.registry = nest.get(TaskRegistry);
    this.#queue = nest.get(TaskQueueHost, { strict: false }).current!;
  }

  static async start(
    harness: TaskQueueHarness,
    { takes = [], provider = Work, shutdownTimeout = 10_000 }: ApplicationOptions = {},
  ): Promise<Application> {
    const nest = await Test.createTestingModule({
      imports: [BackgroundTasksModule.forRoot({ shutdownTimeout }), harness.module({ takes, slots: 1 })],
      providers: [provider],
    })
      .setLogger(new RecordingLogger())
      .compile();
    await nest.init();
    return new Application(nest, nest.get<object>(provider));
  }

  prepare(task: DurableTask): unknown {
    return this.#queue.prepare(task);
  }

  async enqueue(...prepared: readonly unknown[]): Promise<readonly string[]> {
    return this.#queue.enqueue(prepared);
  }

  async find(id: string): Promise<TaskRecord | undefined> {
    return this.#queue.find(id);
  }

  async list(filter: Partial<DurableFilter> = {}): Promise<TaskRecord[]> {
    return this.#queue.list({ queue: WORK, status: undefined, name: undefined, limit: 1_000, ...filter });
  }

  async stats(): Promise<QueueStats[]> {
    return this.#queue.stats!();
  }

  async retry(id: string): Promise<boolean> {
    return this.#queue.retry(id);
  }

  async cancel(id: string): Promise<boolean> {
    return this.#queue.cancel(id);
  }

  cancelLater(id: string): void {
    this.#queue.cancelLater(id);
  }

  async latest(record: TaskRecord): Promise<TaskRecord> {
    return this.#queue.latest(record);
  }

  async settledRecord(record: TaskRecord): Promise<TaskRecord> {
    return this.#queue.settled(record);
  }

  async pause(queue: string): Promise<void> {
    return this.#queue.pause!(queue);
  }

  async resume(queue: string): Promise<void> {
    return this.#queue.resume!(queue);
  }

  async schedules(): Promise<readonly TaskSchedule[]> {
    return this.#queue.schedules!();
  }

  async details(id: string): Promise<TaskDetails | undefined> {
    return this.#queue.details!(id);
  }

  stopClaiming(): void {
    this.#queue.stopClaiming();
  }

  /** The core closes the queue. */
  async close(): Promise<void> {
    await this.nest.close();
  }

  async add(task: TaskCall, options: TaskOptions = {}): Promise<string> {
    const [id] = await this.enqueue(this.prepare(taskOf(task, options)));
    return id!;
  }

  async addAll(tasks: readonly DurableTask[]): Promise<readonly string[]> {
    return this.enqueue(...tasks.map((it) => this.prepare(it)));
  }

  /** Resolves with the record of a task when it has settled. */
  async settled(id: string): Promise<TaskRecord> {
    return this.settledRecord((await this.find(id))!);
  }

  async settle(task: TaskCall, options: TaskOptions = {}): Promise<TaskRecord> {
    return this.settled(await this.add(task, options));
  }

  /** Resolves when the record of a task looks like that. */
  async finds(id: string, record: object): Promise<void> {
    await expect.poll(() => this.find(id), patience).toMatchObject(record);
  }

  /** Resolves in a later millisecond than that in which the task started: see what a cancel in the same one does. */
  async started(hold: Hold): Promise<void> {
    await hold.started.opened;
    for (const now = Date.now(); Date.now() <= now;) {
      await setTimeout(1);
    }
  }

  /** Occupies the one slot for tasks of WORK until the hold is released. */
  async hold(): Promise<{ id: string; hold: Hold }> {
    const hold = new Hold();
    const id = await this.add(call('hold', hold.key));
    await this.started(hold);
    return { id, hold };
  }
}

/** How many batches of tasks are watched for records that contradict themselves. */
const BATCHES = 10;

const SETTLED: ReadonlySet<TaskStatus> = new Set(['completed', 'failed', 'cancelled', 'skipped']);

/** What a record of a task that returns 1 says that can't all be true at one moment. */
function contradictionsIn(record: TaskRecord): string[] {
  const { status, attempts, startedAt, finishedAt, result, error } = record;
  const claims: [boolean, string][] = [
    [SETTLED.has(status) === (finishedAt !== undefined), 'it has finishedAt if and only if it has settled'],
    [status === 'pending' || (attempts === 1 && startedAt !== undefined), 'it has one attempt and startedAt'],
    [(status === 'completed') === (result === 1), 'it has its result if and only if it has completed'],
    [error === undefined, 'it has no error'],
  ];
  return claims.filter(([isTrue]) => !isTrue).map(([, claim]) => `not so: ${claim} (${JSON.stringify(record)})`);
}

/** What keeps this process alive beyond what did so before. */
function openedSince(before: readonly string[]): string[] {
  const left = [...before];
  return process.getActiveResourcesInfo().filter((it) => {
    const index = left.indexOf(it);
    return index < 0 || left.splice(index, 1).length === 0;
  });
}

export function describeTaskQueue(name: string, harness: TaskQueueHarness): void {
  // Before any application has opened anything.
  const resources = process.getActiveResourcesInfo();

  describe(`a queue in ${name}`, { timeout: 90_000 }, () => {
    afterAll(() => harness.dispose());

    describe('with an application that runs tasks, one of each queue at a time', () => {
      let app: Application;
      /** Runs nothing, where the adapter can have two applications at once. */
      let elsewhere: Application;

      beforeAll(async () => {
        app = await Application.start(harness, { takes: [WORK, SIDE] });
        elsewhere = harness.isShared ? await Application.start(harness) : app;
      }, 120_000);

      afterAll(async () => {
        await app?.close();
        await elsewhere?.close();
      });

      describe('enqueue', () => {
        test('resolves with the ids of the tasks, in their order', async () => {
          const tasks = ['a', 'b', 'c', 'd', 'e'].map((text) => taskOf(call('idle', text)));
          expect(await app.addAll(tasks)).toEqual(tasks.map(({ id }) => id));
          expect(await app.addAll([tasks[0]!].map(() => taskOf(call('idle', 'f'))))).toHaveLength(1);
        });

        test('takes tasks of several queues, and chains beside single tasks, at once', async () => {
          const flow = chain(step(Work, 'note', 1), step(Work, 'join', previousResult, 'note'));
          const tasks = [taskOf(call('note')), taskOf(call('idle')), taskOf(callOf(flow))];
          expect(await app.addAll(tasks)).toEqual(tasks.map(({ id }) => id));
          expect(await app.settled(tasks[0]!.id)).toMatchObject({ status: 'completed' });
          expect(await app.settled(tasks[2]!.id)).toMatchObject({ status: 'completed', result: '1 note' });
          expect(await app.find(tasks[1]!.id)).toMatchObject({ status: 'pending' });
        });

        test('a task that is only prepared is in no queue: none is enqueued when prepare refuses one of them', async () => {
          const [good, bad] = [taskOf(call('idle', 'good')), taskOf(call('idle', () => 'bad'))];
          await expect(async () => app.addAll([good, bad])).rejects.toThrow(TaskArgumentError);
          expect(await app.find(good.id)).toBeUndefined();
        });

        test('a task is found by any application, and is pending until a worker takes it', async () => {
          const createdAt = new Date(Date.now() - 1_000);
          const { id, name: taskName } = taskOf(call('idle'), {}, createdAt);
          await app.addAll([{ ...taskOf(call('idle'), {}, createdAt), id }]);
          const expected = {
            id,
            name: taskName,
            queue: IDLE,
            status: 'pending',
            attempts: 0,
            createdAt: createdAt.toISOString(),
          };
          expect(await app.find(id)).toEqual(expected);
          expect(await elsewhere.find(id)).toEqual(expected);
          expect(await elsewhere.registry.get(id)).toEqual(expected);
        });
      });

      describe('arguments', () => {
        const shared = { at: new Date(1) };
        test.each<[string, unknown[]]>([
          ['none', []],
          ['plain data', ['ada', 1.5, true, null, { nested: [{ deep: ['er'] }] }]],
          ['a Date', [new Date(5)]],
          ['a Map with objects as keys, and Sets', [new Map([[{ a: 1 }, new Set([1n, 2n])]])]],
          ['a bigint', [2n ** 70n]],
          ['a Buffer and a typed array', [Buffer.from('hello'), new Float64Array([1.5, NaN, -0])]],
          ['undefined, as an argument and within', [undefined, { a: undefined, b: [undefined] }, undefined]],
          ['numbers that JSON lacks', [NaN, -0, Infinity, -Infinity]],
          ['all of Unicode', ['Ωß漢字🦜\u2028', { 'ключ.с.точкой': 'значение' }]],
          ['NUL and half a surrogate pair', ['a\0b', '\ud800', { 'k\0': 1 }]],
          ['quotes, brackets, and statements', [`'"\\{}$1 :x %s'; DROP TABLE jobs; --`]],
          ['the same object twice', [shared, shared]],
        ])('arrive as they were: %s', async (_what, args) => {
          const id = await app.add(call('note', ...args));
          expect(await app.settled(id)).toMatchObject({ status: 'completed', result: args.length });
          expect(runsOf(id).map((run) => run.args)).toStrictEqual([args]);
        });

        test('arrive as they were when the task was prepared', async () => {
          const list = ['before'];
          const task = taskOf(call('note', list));
          const prepared = app.prepare(task);
          list[0] = 'after';
          await app.enqueue(prepared);
          await app.settled(task.id);
          expect(runsOf(task.id)).toMatchObject([{ args: [['before']] }]);
        });

        test.each<[string, unknown]>([
          ['a function', { callback: () => undefined }],
          ['a symbol', Symbol('x')],
          ['a promise', [Promise.resolve()]],
          ['a WeakMap', new WeakMap()],
          ['an invalid Date', new Date(NaN)],
        ])('are refused by prepare, with the number of the argument: %s', (_what, value) => {
          const prepare = () => app.prepare(taskOf(call('idle', 'ada', value)));
          expect(prepare).toThrow(TaskArgumentError);
          expect(prepare).toThrow(/"Work\.idle".*argument 2/s);
        });

        test('are refused by prepare when they are larger than the limit', () => {
          const { maxSize } = harness;
          const prepare = () => app.prepare(taskOf(call('idle', 'x'.repeat(maxSize))));
          expect(prepare).toThrow(TaskArgumentError);
          expect(prepare).toThrow(new RegExp(`"Work\\.idle".*${maxSize}`, 's'));
        });
      });

      describe('results', () => {
        test('are in the record as JSON', async () => {
          expect(await elsewhere.settled(await app.add(call('values')))).toMatchObject({
            status: 'completed',
            attempts: 1,
            startedAt: expect.any(String),
            finishedAt: expect.any(String),
          });
          const { result } = await app.settle(call('values'));
          expect(result).toEqual({
            at: new Date(0).toISOString(),
            big: String(2n ** 70n),
            tags: {},
            list: [null, null, 0],
          });
        });

        test('that are larger than the limit are left out, and the record says so', async () => {
          const record = await app.settle(call('text', harness.maxSize));
          expect(record).toMatchObject({ status: 'completed' });
          expect(record).not.toHaveProperty('result');
          expect(record).not.toHaveProperty('error');
          expect(record.resultOmitted).toMatch(new RegExp(`"Work\\.text".*${harness.maxSize}`, 's'));
        });
      });

      describe('attempts', () => {
        test('are counted, and the record says why the last one failed', async () => {
          const id = await app.add(call('fails'), { attempts: 3 });
          const record = await elsewhere.settled(id);
          expect(record).toMatchObject({
            status: 'failed',
            attempts: 3,
            error: { name: 'RangeError', message: 'refused', cause: { name: 'TypeError', message: 'no host' } },
          });
          expect(record).not.toHaveProperty('result');
          expect(runsOf(id).map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
        });

        test('end with the first that succeeds, and the record has no error', async () => {
          const record = await app.settle(call('failsUntil', 2), { attempts: 5 });
          expect(record).toMatchObject({ status: 'completed', attempts: 2, result: 'done' });
          expect(record).not.toHaveProperty('error');
        });

        test('wait for the backoff', async () => {
          const id = await app.add(call('failsUntil', 3), {
            attempts: 3,
            backoff: { type: 'exponential', delay: 100 },
          });
          expect(await app.settled(id)).toMatchObject({ status: 'completed', attempts: 3 });
          const [first, second, third] = runsOf(id).map(({ at }) => at);
          // Timers of stores are a little early.
          expect(second! - first!).toBeGreaterThan(90);
          expect(third! - second!).toBeGreaterThan(190);
        });

        test('between two of them the task is pending with its error, holds no slot, and can be cancelled', async () => {
          const backoff = { type: 'fixed', delay: 1_000_000 } as const;
          const id = await app.add(call('fails'), { attempts: 2, backoff });
          await elsewhere.finds(id, { status: 'pending', attempts: 1, error: { message: 'refused' } });
          expect(await app.settle(call('note'))).toMatchObject({ status: 'completed' });
          expect(await elsewhere.cancel(id)).toBe(true);
          expect(await app.settled(id)).toMatchObject({ status: 'cancelled', attempts: 1 });
          expect(runsOf(id)).toHaveLength(1);
        });

        test('stop when retryIf of the definition says so', async () => {
          const id = await app.add(call('hopeless'));
          expect(await app.settled(id)).toMatchObject({
            status: 'failed',
            attempts: 2,
            error: { name: 'TypeError', message: 'hopeless' },
          });
          expect(runsOf(id)).toHaveLength(2);
        });

        test('fail when they take longer than the timeout, and their signal is aborted', async () => {
          const hold = new Hold();
          const id = await app.add(call('hold', hold.key), { timeout: 50, attempts: 2 });
          expect(await app.settled(id)).toMatchObject({
            status: 'failed',
            attempts: 2,
            error: { name: 'TaskTimeoutError' },
          });
          expect(hold.wasAborted).toBe(true);
        });

        test('a task that no application knows by its name fails at once, and says so', async () => {
          const id = await app.add(readTaskCall('start', [Unknown, 'work']));
          const { status, error } = await elsewhere.settled(id);
          expect(status).toBe('failed');
          expect(error).toMatchObject({ name: 'TaskQueueError' });
          expect(error!.message).toMatch(/"Unknown\.work".*'work'/s);
        });

        test('a task that was never run has no attempt and no time at which it started', async () => {
          const record = await app.settle(readTaskCall('start', [Unknown, 'work']));
          expect(record).toMatchObject({ status: 'failed', attempts: 0 });
          expect(record).not.toHaveProperty('startedAt');
        });
      });

      describe('order', () => {
        test('a task with a delay is pending until then', async () => {
          const id = await app.add(call('note'), { delay: 300 });
          expect(await app.find(id)).toMatchObject({ status: 'pending', attempts: 0 });
          const { status, createdAt, startedAt } = await app.settled(id);
          expect(status).toBe('completed');
          // Timers of stores are a little early.
          expect(Date.parse(startedAt!) - Date.parse(createdAt)).toBeGreaterThan(290);
        });

        test('tasks without a priority go first, then those with the lowest number; alike ones as they were added', async () => {
          const { hold } = await app.hold();
          const ids: string[] = [];
          for (const priority of [10, 2, undefined, 10, 2, undefined]) {
            ids.push(await app.add(call('note'), priority === undefined ? {} : { priority }));
          }
          hold.released.open();
          await Promise.all(ids.map((id) => app.settled(id)));
          const order = runsOf(...ids).map(({ id }) => ids.indexOf(id));
          expect(order).toEqual([2, 5, 1, 4, 0, 3]);
        });
      });

      describe('deduplication', () => {
        const deduplicated = () => ({ deduplication: { id: randomUUID() } });

        test('resolves with the id of the task that has not settled, for every application that adds it', async () => {
          const options = deduplicated();
          const first = await app.add(call('idle', 'first'), options);
          expect(await app.add(call('idle', 'second'), options)).toBe(first);
          expect(await elsewhere.add(call('idle', 'third'), options)).toBe(first);
          expect(await app.add(call('idle', 'other'), deduplicated())).not.toBe(first);
        });

        test('resolves with one id for duplicates that are enqueued together', async () => {
          const options = deduplicated();
          const tasks = [1, 2, 3].map((n) => taskOf(call('idle', n), n === 2 ? {} : options));
          const [first, second] = tasks.map(({ id }) => id);
          expect(await app.addAll(tasks)).toEqual([first, second, first]);
        });

        test('lasts while the task waits, is delayed or runs', async () => {
          const options = deduplicated();
          const hold = new Hold();
          const first = await app.add(call('hold', hold.key), { ...options, delay: 100 });
          expect(await app.add(call('note'), options)).toBe(first);
          await hold.started.opened;
          expect(await app.add(call('note'), options)).toBe(first);
          hold.released.open();
          expect(await app.settled(first)).toMatchObject({ result: 'released' });
          expect(runsOf(first)).toHaveLength(1);
        });

        test('ends when the task completes', async () => {
          const options = deduplicated();
          const first = await app.settle(call('note'), options);
          const second = await app.settle(call('note'), options);
          expect(second).toMatchObject({ status: 'completed' });
          expect(second.id).not.toBe(first.id);
        });

        test('lasts between two attempts, and ends when the task fails', async () => {
          const options = { ...deduplicated(), attempts: 2, backoff: { type: 'fixed', delay: 500 } as const };
          const first = await app.add(call('fails'), options);
          await app.finds(first, { status: 'pending', attempts: 1 });
          expect(await app.add(call('note'), options)).toBe(first);
          expect(await app.settled(first)).toMatchObject({ status: 'failed' });
          expect(await app.settle(call('note'), options)).toMatchObject({ status: 'completed', attempts: 1 });
        });

        test.each(['waits', 'runs'])('ends when the task is cancelled while it %s', async (when) => {
          const options = deduplicated();
          const { id: held, hold } = await app.hold();
          const first = await app.add(call('hold', hold.key), options);
          if (when === 'runs') {
            await app.cancel(held);
            await app.finds(first, { status: 'running' });
          }
          expect(await app.cancel(first)).toBe(true);
          expect(await app.settled(first)).toMatchObject({ status: 'cancelled' });
          const second = await app.add(call('note', 'second'), options);
          expect(second).not.toBe(first);
          hold.released.open();
          expect(await app.settled(second)).toMatchObject({ status: 'completed' });
        });
      });

      describe('progress', () => {
        test('is visible while the task runs', async () => {
          const { id } = await app.hold();
          await elsewhere.finds(id, { status: 'running', attempts: 1, progress: { done: 1 } });
          expect(await elsewhere.find(id)).not.toHaveProperty('finishedAt');
        });

        test('is the last one when the task has settled', async () => {
          const ids = await app.addAll(Array.from({ length: 10 }, () => taskOf(call('progress', 100))));
          for (const id of ids) {
            expect(await app.settled(id)).toMatchObject({ status: 'completed', progress: 100 });
          }
        });
      });

      describe('cancel', () => {
        test('of a pending task: it never runs, and is cancelled from then on', async () => {
          const { hold } = await app.hold();
          const id = await app.add(call('note'));
          expect(await elsewhere.cancel(id)).toBe(true);
          const expected = {
            status: 'cancelled',
            attempts: 0,
            finishedAt: expect.any(String),
            error: { name: 'TaskCancelledError', message: taskCancelled('Work.note', 'requested') },
          };
          expect(await app.find(id)).toMatchObject(expected);
          expect(await elsewhere.cancel(id)).toBe(false);
          hold.released.open();
          // Its turn was before that of this one.
          await app.settle(call('note'));
          const record = await app.settled(id);
          expect(record).toMatchObject(expected);
          expect(record).not.toHaveProperty('startedAt');
          expect(runsOf(id)).toEqual([]);
        });

        test('of a delayed task: it never runs', async () => {
          const id = await app.add(call('note'), { delay: 1_000_000 });
          expect(await elsewhere.cancel(id)).toBe(true);
          expect(await app.settled(id)).toMatchObject({ status: 'cancelled', attempts: 0 });
          // Its turn was before that of this one.
          await app.settle(call('note'));
          expect(await elsewhere.cancel(id)).toBe(false);
          expect(runsOf(id)).toEqual([]);
        });

        test('of a running task: its signal is aborted, from every application', async () => {
          const { id, hold } = await app.hold();
          expect(await elsewhere.cancel(id)).toBe(true);
          expect(await elsewhere.settled(id)).toMatchObject({
            status: 'cancelled',
            attempts: 1,
            error: { name: 'TaskCancelledError' },
          });
          expect(hold.wasAborted).toBe(true);
          expect(await elsewhere.cancel(id)).toBe(false);
        });

        test('of a running task with attempts left: it is not run again', async () => {
          const hold = new Hold();
          const id = await app.add(call('hold', hold.key), { attempts: 3 });
          await app.started(hold);
          expect(await elsewhere.cancel(id)).toBe(true);
          expect(await app.settled(id)).toMatchObject({ status: 'cancelled', attempts: 1 });
          await app.settle(call('note'));
          expect(runsOf(id)).toHaveLength(1);
        });

        test('of a task that started in the same millisecond: its attempt counts', async () => {
          vi.useFakeTimers({ toFake: ['Date'] });
          onTestFinished(() => void vi.useRealTimers());
          const hold = new Hold();
          const id = await app.add(call('hold', hold.key));
          await hold.started.opened;
          await app.cancel(id);
          expect(await app.settled(id)).toMatchObject({ status: 'cancelled', attempts: 1 });
        });

        test('of a settled or unknown task: false', async () => {
          const completed = await app.settle(call('note'));
          const failed = await app.settle(call('fails'));
          expect(await Promise.all([completed.id, failed.id, randomUUID()].map((id) => app.cancel(id)))).toEqual([
            false,
            false,
            false,
          ]);
          expect(await app.find(completed.id)).toEqual(completed);
          expect(await app.find(failed.id)).toEqual(failed);
        });

        test('cancelLater does the same, and never throws', async () => {
          const { id } = await app.hold();
          elsewhere.cancelLater(randomUUID());
          elsewhere.cancelLater('no id');
          elsewhere.cancelLater(id);
          expect(await app.settled(id)).toMatchObject({ status: 'cancelled' });
        });
      });

      describe('retry', () => {
        test('of a failed task: it runs again with all its attempts', async () => {
          isBroken = true;
          const id = await app.add(call('mendable'));
          expect(await app.settled(id)).toMatchObject({ status: 'failed', attempts: 2 });
          expect(await elsewhere.retry(id)).toBe(true);
          await expect.poll(() => runsOf(id), patience).toHaveLength(4);
          expect(await app.settled(id)).toMatchObject({ status: 'failed', attempts: 2 });
          isBroken = false;
          expect(await elsewhere.retry(id)).toBe(true);
          await app.finds(id, { status: 'completed', attempts: 1, result: 'mended' });
          expect(await app.find(id)).not.toHaveProperty('error');
          expect(runsOf(id).map(({ attempt }) => attempt)).toEqual([1, 2, 1, 2, 1]);
        });

        test('of a task that was cancelled before it ran: it runs', async () => {
          const { hold } = await app.hold();
          const id = await app.add(call('note'));
          expect(await app.cancel(id)).toBe(true);
          expect(await elsewhere.retry(id)).toBe(true);
          expect(await app.find(id)).toMatchObject({ status: 'pending', attempts: 0 });
          hold.released.open();
          expect(await app.settled(id)).toMatchObject({ status: 'completed', attempts: 1 });
          expect(runsOf(id)).toHaveLength(1);
        });

        test('of a delayed task that was cancelled: it runs', async () => {
          const id = await app.add(call('note'), { delay: 1_000_000 });
          await app.cancel(id);
          // A worker that has just taken it as cancelled settles it first.
          await expect.poll(() => elsewhere.retry(id), patience).toBe(true);
          await app.finds(id, { status: 'completed', attempts: 1 });
        });

        test('of a task that was cancelled while it ran: it runs again', async () => {
          const { id, hold } = await app.hold();
          await app.cancel(id);
          expect(await app.settled(id)).toMatchObject({ status: 'cancelled' });
          hold.released.open();
          expect(await elsewhere.retry(id)).toBe(true);
          await app.finds(id, { status: 'completed', attempts: 1, result: 'released' });
        });

        test('of a pending, running, completed or unknown task: false, and nothing changes', async () => {
          const completed = await app.settle(call('note'));
          const { id: running } = await app.hold();
          const pending = await app.add(call('idle'));
          const retried = [completed.id, running, pending, randomUUID()].map((id) => app.retry(id));
          expect(await Promise.all(retried)).toEqual([false, false, false, false]);
          expect(await app.find(completed.id)).toEqual(completed);
          expect(await app.find(running)).toMatchObject({ status: 'running', attempts: 1 });
          expect(runsOf(completed.id, running)).toHaveLength(2);
        });

        test('at the same time as cancel, by several: the last one to be heard has its way', async () => {
          const { hold } = await app.hold();
          const ids = await app.addAll(Array.from({ length: 10 }, () => taskOf(call('note'))));
          for (let i = 0; i < 5; i++) {
            await Promise.all(
              ids.flatMap((id) => [elsewhere.cancel(id), app.retry(id), app.cancel(id), elsewhere.retry(id)]),
            );
          }
          const cancelled = await Promise.all(ids.map((id) => Promise.all([app.cancel(id), elsewhere.cancel(id)])));
          for (const [i, id] of ids.entries()) {
            expect(cancelled[i]!.filter(Boolean).length).toBeLessThan(2);
            expect(await app.find(id)).toMatchObject({ status: 'cancelled', attempts: 0 });
          }
          const retried = await Promise.all(ids.map((id) => Promise.all([app.retry(id), elsewhere.retry(id)])));
          expect(retried.map((both) => both.filter(Boolean))).toEqual(ids.map(() => [true]));
          hold.released.open();
          await Promise.all(ids.map((id) => app.finds(id, { status: 'completed', attempts: 1, result: 0 })));
          expect(runsOf(...ids)).toHaveLength(10);
        });

        test('asked for by several at once, runs the task once', async () => {
          isBroken = true;
          const id = await app.add(call('mendable'), { attempts: 1 });
          await app.settled(id);
          isBroken = false;
          const { hold } = await app.hold();
          expect(await Promise.all([app.retry(id), elsewhere.retry(id), app.retry(id)])).toContain(true);
          hold.released.open();
          await app.finds(id, { status: 'completed', attempts: 1 });
          await app.settle(call('note'));
          expect(runsOf(id)).toHaveLength(2);
        });
      });

      describe('chains and groups', () => {
        test('the steps of a chain run one after the other, each with the result of the one before', async () => {
          const task = taskOf(
            callOf(
              chain(
                step(Work, 'note', 'a', 'b'),
                step(Work, 'join', previousResult, 'joined'),
                step(Work, 'join', previousResult, 'twice'),
              ),
            ),
          );
          expect(await app.addAll([task])).toEqual([task.id]);
          expect(await app.settled(task.id)).toMatchObject({ status: 'completed', result: '2 joined twice' });
          const ids = idsOf(task);
          expect(runsOf(...ids).map(({ id }) => id)).toEqual(ids);
        });

        test('the last step of a group gets the results in the order of the steps, not of their completion', async () => {
          const hold = new Hold();
          // The first completes after the second, which lets it go.
          const steps = [
            step(Work, 'hold', hold.key),
            step(Work, 'release', hold.key),
            step(Work, 'note', 'x'),
            step(Work, 'progress', 0),
          ];
          const id = await app.add(callOf(group(steps, step(Work, 'collect', previousResult, 'all'))));
          expect(await app.settled(id)).toMatchObject({ status: 'completed' });
          expect(runsOf(id)).toMatchObject([{ args: [['released', 'released by Work.release', 1, undefined], 'all'] }]);
        });

        test('retry of a group runs all steps that failed, and then the last one, at the first call', async () => {
          isBroken = true;
          const hold = new Hold();
          const steps = [step(Work, 'mendable'), step(Work, 'note'), step(Work, 'mendableAfter', hold.key)];
          const task = taskOf(callOf(group(steps, step(Work, 'collect', previousResult, 'all'))), { attempts: 1 });
          await app.addAll([task]);
          // The second step that fails does so when the whole group has failed already.
          await app.settled(task.id);
          hold.released.open();
          await Promise.all(idsOf(task).map(async (id) => app.settled(id)));
          isBroken = false;
          expect(await elsewhere.retry(task.id)).toBe(true);
          await app.finds(task.id, {
            status: 'completed',
            result: { title: 'all', results: ['mended', 0, 'mended too'] },
          });
        });

        test('a step that fails fails those after it, which do not run; retry of the last runs all that failed', async () => {
          isBroken = true;
          const flow = chain(
            step(Work, 'note', 1),
            step(Work, 'mendable'),
            step(Work, 'join', previousResult, 'x'),
            step(Work, 'join', previousResult, 'y'),
          );
          const task = taskOf(callOf(flow));
          const [first, failing, after, last] = idsOf(task);
          await app.addAll([task]);
          expect(await elsewhere.settled(last!)).toMatchObject({
            status: 'failed',
            attempts: 0,
            error: { name: 'TaskQueueError', message: expect.stringContaining(after!) as string },
          });
          expect(await app.settled(after!)).toMatchObject({
            status: 'failed',
            attempts: 0,
            error: { name: 'TaskQueueError', message: expect.stringContaining(failing!) as string },
          });
          expect(await app.find(failing!)).toMatchObject({ status: 'failed', error: { message: 'broken' } });
          expect(runsOf(after!, last!)).toEqual([]);
          isBroken = false;
          expect(await elsewhere.retry(last!)).toBe(true);
          await app.finds(last!, { status: 'completed', result: 'mended x y' });
          expect(runsOf(first!)).toHaveLength(1);
          expect(runsOf(after!, last!).map(({ id }) => id)).toEqual([after, last]);
        });

        test('cancel of a chain cancels all steps that have not settled', async () => {
          const { hold } = await app.hold();
          const flow = chain(step(Work, 'note', 1), step(Work, 'collect', previousResult, 'x'));
          const task = taskOf(callOf(flow));
          const ids = idsOf(task);
          await app.addAll([task]);
          expect(await elsewhere.cancel(task.id)).toBe(true);
          for (const id of ids) {
            expect(await app.settled(id)).toMatchObject({ status: 'cancelled', attempts: 0 });
          }
          hold.released.open();
          await app.settle(call('note'));
          expect(await app.settled(task.id)).toMatchObject({ status: 'cancelled', attempts: 0 });
          expect(runsOf(...ids)).toEqual([]);
        });
      });

      describe('list', () => {
        let ids: readonly string[];

        beforeAll(async () => {
          const at = Date.now() - 10_000;
          const tasks = Array.from({ length: 6 }, (_, i) =>
            taskOf(call(i % 2 === 0 ? 'listed' : 'alsoListed'), {}, new Date(at + i * 1_000)),
          );
          // Neither in their order nor against it.
          ids = tasks.map(({ id }) => id);
          await app.addAll([3, 0, 5, 1, 4, 2].map((i) => tasks[i]!));
        });

        const listed = async (filter: Partial<DurableFilter>) =>
          (await elsewhere.list({ queue: LISTED, ...filter })).map(({ id }) => ids.indexOf(id));

        test('has the newest first, of all applications', async () => {
          expect(await listed({})).toEqual([5, 4, 3, 2, 1, 0]);
        });

        test('has as many as the limit', async () => {
          expect(await listed({ limit: 2 })).toEqual([5, 4]);
          expect(await listed({ limit: 100 })).toHaveLength(6);
          expect(await listed({ limit: Infinity })).toHaveLength(6);
        });

        test('has those of a name', async () => {
          expect(await listed({ name: 'Work.listed' })).toEqual([4, 2, 0]);
          expect(await listed({ name: 'Work.listed', limit: 1 })).toEqual([4]);
          expect(await listed({ name: 'Work.note' })).toEqual([]);
        });

        test('has the newest also where they wait for longer, or behind others', async () => {
          const at = Date.now() + 100_000;
          const add = (age: number, options: TaskOptions) => taskOf(call('later'), options, new Date(at - age));
          const tasks = [
            // Of more than a page, the newest are the first that are due, and the last by priority.
            ...Array.from({ length: 120 }, (_, i) => add(i, { delay: 1_000_000 + i * 1_000 })),
            ...Array.from({ length: 120 }, (_, i) => add(1_000 + i, { priority: i + 1 })),
          ];
          await app.addAll(tasks.toReversed());
          const newest = tasks.map(({ id }) => id);
          for (const limit of [1, 3, 130, 240]) {
            const found = await elsewhere.list({ queue: LISTED, name: 'Work.later', limit });
            expect(found.map(({ id }) => id)).toEqual(newest.slice(0, limit));
          }
          await Promise.all(newest.slice(0, 4).map((id) => app.cancel(id)));
          const [pending] = await elsewhere.list({ queue: LISTED, name: 'Work.later', status: 'pending', limit: 1 });
          expect(pending!.id).toBe(newest[4]);
          const cancelled = await elsewhere.list({ queue: LISTED, name: 'Work.later', status: 'cancelled', limit: 3 });
          expect(cancelled.map(({ id }) => id)).toEqual(newest.slice(0, 3));
        });

        test('of a process has what it has added to queues, once each, also after a retry', async () => {
          isBroken = true;
          const { hold } = await app.hold();
          const running = app.runner.start(Work, 'hold', hold.key);
          const pending = app.runner.start(Work, 'idle', 'added here');
          const failing = app.runner.with({ attempts: 1 }).start(Work, 'mendable');
          hold.released.open();
          await app.finds(failing.id, { status: 'failed' });
          isBroken = false;
          expect(await elsewhere.retry(failing.id)).toBe(true);
          await app.finds(failing.id, { status: 'completed' });
          await app.finds(running.id, { status: 'completed' });
          const added = [failing.id, pending.id, running.id];
          const records = (await app.registry.list({ limit: Infinity })).filter(({ id }) => added.includes(id));
          expect(records.toSorted((a, b) => added.indexOf(a.id) - added.indexOf(b.id))).toMatchObject([
            { id: failing.id, status: 'completed', queue: WORK },
            { id: pending.id, status: 'pending', queue: IDLE },
            { id: running.id, status: 'completed', queue: WORK },
          ]);
          expect(await app.registry.get(failing.id)).toMatchObject({ status: 'completed' });
          const ofStatus = await app.registry.list({ status: 'failed', limit: Infinity });
          expect(ofStatus.map(({ id }) => id)).not.toContain(failing.id);
        });

        test('has those of a status, each as find has it', async () => {
          const { hold, id: running } = await app.hold();
          const completed = (await app.settle(call('release', hold.key))).id;
          await app.settled(running);
          const failed = (await app.settle(call('fails'))).id;
          const { id: held } = await app.hold();
          await app.finds(held, { progress: { done: 1 } });
          const cancelled = await app.add(call('note'));
          await app.cancel(cancelled);
          const delayed = await app.add(call('note'), { delay: 1_000_000 });
          const prior = await app.add(call('note'), { priority: 3 });
          const expected: readonly [TaskStatus, string, string][] = [
            ['completed', SIDE, completed],
            ['completed', WORK, running],
            ['failed', WORK, failed],
            ['running', WORK, held],
            ['cancelled', WORK, cancelled],
            ['pending', WORK, delayed],
            ['pending', WORK, prior],
          ];
          for (const [status, queue, id] of expected) {
            const records = await elsewhere.list({ queue, status });
            expect(new Set(records.map((it) => it.status))).toEqual(new Set([status]));
            expect(records.find((it) => it.id === id)).toEqual(await elsewhere.find(id));
          }
          expect(await elsewhere.list({ status: 'skipped' })).toEqual([]);
          await app.cancel(delayed);
        });

        test('of a queue that no task names is an InvalidOptionError that names those that there are', async () => {
          await expect(app.list({ queue: 'no-such-queue' })).rejects.toThrow(InvalidOptionError);
          await expect(app.list({ queue: 'no-such-queue' })).rejects.toThrow(/work.*'no-such-queue'/s);
        });
      });

      describe('stats', () => {
        const statsOf = async (queue: string) => (await elsewhere.stats()).find((it) => it.name === queue)!;

        /** Checks an age by the times of the process, which the queue goes by. */
        async function expectAge(queue: string, age: 'oldestAge' | 'failedAge', since: number): Promise<void> {
          const before = Date.now();
          const stats = await statsOf(queue);
          expect(stats[age]).toBeGreaterThanOrEqual(before - since);
          expect(stats[age]).toBeLessThanOrEqual(Date.now() - since);
        }

        test('has every queue that a task names, with or without tasks in it', async () => {
          const stats = await elsewhere.stats();
          expect(stats.map((it) => it.name).toSorted()).toEqual([COUNTED, IDLE, LISTED, SIDE, WORK]);
          const counts = { pending: 0, delayed: 0, running: 0, completed: 0, failed: 0 };
          expect(await statsOf(COUNTED)).toEqual({ name: COUNTED, isPaused: false, ...counts });
        });

        test('has the age of the oldest task that could run now, whatever its priority', async () => {
          const add = async (createdAt: number, options: TaskOptions = {}) => {
            await app.addAll([taskOf(call('counted'), options, new Date(createdAt))]);
          };
          const now = Date.now();
          await add(now - 10_000);
          await add(now - 5_000);
          await expectAge(COUNTED, 'oldestAge', now - 10_000);
          await add(now - 15_000, { priority: 2 });
          await add(now - 20_000, { priority: 7 });
          await add(now - 18_000, { priority: 2_000 });
          await expectAge(COUNTED, 'oldestAge', now - 20_000);
          // It waits for a time that has come.
          await add(now - 90_000, { delay: 60_000 });
          await expectAge(COUNTED, 'oldestAge', now - 30_000);
          expect(await statsOf(COUNTED)).toMatchObject({ pending: 6, delayed: 0 });
        });

        test('counts tasks that wait for a time or for a step, which have no age', async () => {
          const { pending, oldestAge } = await statsOf(COUNTED);
          const hold = new Hold();
          const flow = chain(step(Work, 'hold', hold.key), step(Work, 'counted', previousResult));
          const at = new Date(Date.now() - 1_000_000);
          await app.addAll([taskOf(call('counted'), { delay: 2_000_000 }, at), taskOf(callOf(flow), {}, at)]);
          await app.started(hold);
          const stats = await statsOf(COUNTED);
          expect(stats).toMatchObject({ pending: pending + 2, delayed: 1 });
          expect(stats.oldestAge).toBeGreaterThanOrEqual(oldestAge!);
          expect(stats.oldestAge).toBeLessThan(1_000_000);
        });

        test('counts running and settled tasks, and tells when the last one failed', async () => {
          // The step of the chain above may still run.
          await expect.poll(() => statsOf(WORK), patience).toMatchObject({ running: 0 });
          const before = await statsOf(WORK);
          const { id, hold } = await app.hold();
          expect(await statsOf(WORK)).toMatchObject({ running: before.running + 1, completed: before.completed });
          hold.released.open();
          await app.settled(id);
          const failed = await app.settle(call('fails'));
          const [running, completed] = [before.running, before.completed + 1];
          await expect.poll(() => statsOf(WORK), patience).toMatchObject({ running, completed });
          const failedAt = Number(new Date(failed.finishedAt!));
          await expectAge(WORK, 'failedAge', failedAt);
          await expect.poll(() => Date.now() - failedAt, patience).toBeGreaterThan(100);
          // In a queue it has failed too, and yet it is no failure.
          const other = await app.hold();
          const cancelled = await app.add(call('note'));
          await app.cancel(cancelled);
          await app.cancel(other.id);
          await app.settled(other.id);
          await app.settled(cancelled);
          await expect.poll(async () => (await statsOf(WORK)).failed, patience).toBe(before.failed + 3);
          await expectAge(WORK, 'failedAge', failedAt);
        });
      });

      describe('find', () => {
        const known = randomUUID();

        beforeAll(async () => {
          await app.addAll([{ ...taskOf(call('idle', 'known')), id: known }]);
        });

        test.each([
          ['an unknown id', randomUUID()],
          ['nothing', ''],
          ['a task’s id in capitals', known.toUpperCase()],
          ['a task’s id with something after it', `${known}\n`],
          ['a task’s id with something before it', ` ${known}`],
          ['keys of Redis', 'id'],
          ['other keys of Redis', 'meta'],
          ['patterns', '*'],
          ['paths', '../../idle'],
          ['names of properties', '__proto__'],
          ['SQL', `${known}' OR '1'='1`],
          ['more SQL', "'; DROP TABLE job; --"],
          ['colons', `idle:${known}`],
          ['what looks like a repeating task', 'repeat:Work.idle:0'],
          ['what looks like one with a large number', `repeat:Work.idle:${'9'.repeat(400)}`],
          ['what looks like one with metacharacters', `repeat:';--\r\n\ud800:1`],
          ['NUL', `${known}\0`],
          ['half a surrogate pair', '\ud800'],
          ['a long text', 'x'.repeat(1_000_000)],
          ['a number', '1'],
        ])('of what is no id of a task is undefined, and retry and cancel are false: %s', async (_what, id) => {
          expect(await app.find(id)).toBeUndefined();
          expect(await app.cancel(id)).toBe(false);
          expect(await app.retry(id)).toBe(false);
          expect(await app.find(known)).toMatchObject({ status: 'pending' });
        });

        test('has records that are of one moment each, while the tasks run', async () => {
          const contradictions = await watchWhileRunning(async (ids) => {
            const records = await Promise.all(ids.map((id) => elsewhere.find(id)));
            return records.map((record) => record!);
          });
          expect(contradictions).toEqual([]);
        });

        test('so has list, with each task once', async () => {
          const contradictions = await watchWhileRunning(async (ids) => {
            const records = await elsewhere.list();
            return records.filter(({ id }) => ids.includes(id));
          });
          expect(contradictions).toEqual([]);
        });

        test('says when the first attempt began, also while later ones run and after a retry', async () => {
          const id = await app.add(call('failsUntil', 3), { attempts: 3, backoff: { type: 'fixed', delay: 50 } });
          const record = await app.settled(id);
          expect(record).toMatchObject({ status: 'completed', attempts: 3 });
          const [first, second] = runsOf(id).map(({ began }) => began);
          expect(second! - first!).toBeGreaterThan(20);
          // It begins in the same moment in which its function is called.
          expect(Date.parse(record.startedAt!)).toBeLessThanOrEqual(first!);
          isBroken = true;
          const mendable = await app.add(call('mendable'), { backoff: { type: 'fixed', delay: 50 } });
          const failed = await app.settled(mendable);
          expect(Date.parse(failed.startedAt!)).toBeLessThanOrEqual(runsOf(mendable)[0]!.began);
          expect(await app.retry(mendable)).toBe(true);
          const again = await app.settled(mendable);
          expect(again).toMatchObject({ status: 'failed', attempts: 2 });
          expect(Date.parse(again.startedAt!)).toBeGreaterThanOrEqual(runsOf(mendable)[1]!.began);
          expect(Date.parse(again.startedAt!)).toBeLessThanOrEqual(runsOf(mendable)[2]!.began);
        });

        /** Looks at tasks that run, batch after batch, until a look contradicts itself. */
        async function watchWhileRunning(look: (ids: readonly string[]) => Promise<TaskRecord[]>): Promise<string[]> {
          for (let batches = 0; batches < BATCHES; batches++) {
            const ids = await app.addAll(Array.from({ length: 20 }, () => taskOf(call('note', 'x'))));
            for (let isOver = false; !isOver;) {
              const records = await look(ids);
              const contradictions = records.flatMap((it) => contradictionsIn(it));
              if (records.length !== ids.length || new Set(records.map(({ id }) => id)).size !== ids.length) {
                contradictions.push(`${records.length} records of ${ids.length} tasks`);
              }
              if (contradictions.length > 0) {
                await Promise.all(ids.map((id) => app.settled(id)));
                return contradictions;
              }
              isOver = records.every(({ status }) => status === 'completed');
            }
          }
          return [];
        }
      });

      describe('details', () => {
        const id = randomUUID();

        test('has the arguments as they were, and the attempts that failed, with their errors', async () => {
          await app.addAll([{ ...taskOf(call('failsUntil', 3), { attempts: 3 }), id }]);
          const record = await app.settled(id);
          const error = { name: 'RangeError', message: 'not yet' };
          const details = (await elsewhere.details(id))!;
          expect(details.args).toEqual([3]);
          expect(details.attempts).toMatchObject([{ attempt: 1, error }, { attempt: 2, error }, { attempt: 3 }]);
          expect(details.attempts[0]!.startedAt).toBe(record.startedAt);
          expect(Date.parse(details.attempts[2]!.finishedAt!)).toBeLessThanOrEqual(Date.parse(record.finishedAt!));
          expect(details.attempts[2]!.error).toBeUndefined();
        });

        test('has the error of the last attempt with its cause, and of a retried task only what came after', async () => {
          const failing = await app.add(call('fails', 'two\nlines'), { attempts: 2 });
          await app.settled(failing);
          const error = {
            name: 'RangeError',
            message: 'two\nlines',
            cause: { name: 'TypeError', message: 'no host' },
          };
          const expected = [
            { attempt: 1, error },
            { attempt: 2, error },
          ];
          expect((await elsewhere.details(failing))!.attempts).toMatchObject(expected);
          expect(await app.retry(failing)).toBe(true);
          await app.settled(failing);
          expect((await elsewhere.details(failing))!.attempts).toMatchObject(expected);
        });

        test('has the attempt that runs', async () => {
          const { id: running, hold } = await app.hold();
          await expect
            .poll(async () => (await elsewhere.details(running))!.attempts, patience)
            .toMatchObject([{ attempt: 1, startedAt: expect.any(String) }]);
          hold.released.open();
          await app.settled(running);
        });

        test('has no attempt of a task that has not begun', async () => {
          const waiting = await app.add(call('idle', { a: new Date(5) }));
          expect(await elsewhere.details(waiting)).toEqual({ attempts: [], args: [{ a: new Date(5) }] });
          expect(await app.cancel(waiting)).toBe(true);
          expect((await elsewhere.details(waiting))!.attempts).toEqual([]);
        });

        test.each([randomUUID(), '', 'meta', '__proto__', '*', `${id}\n`])('of %j is undefined', async (other) => {
          expect(await elsewhere.details(other)).toBeUndefined();
        });
      });

      describe('pause', () => {
        test('lets no application claim tasks of that queue until resume, also for those who pause twice', async () => {
          onTestFinished(() => app.resume(SIDE));
          const isPaused = async () => (await elsewhere.stats()).find(({ name: of }) => of === SIDE)!.isPaused;
          await elsewhere.pause(SIDE);
          await elsewhere.pause(SIDE);
          expect(await isPaused()).toBe(true);
          const paused = await app.add(call('collect', [], 'paused'));
          const other = await app.settle(call('note'));
          expect(other).toMatchObject({ status: 'completed' });
          expect(await elsewhere.find(paused)).toMatchObject({ status: 'pending', attempts: 0 });
          expect(await elsewhere.list({ queue: SIDE, status: 'pending' })).toMatchObject([{ id: paused }]);
          expect(await app.cancel(await app.add(call('collect', [], 'cancelled')))).toBe(true);
          await elsewhere.resume(SIDE);
          await elsewhere.resume(SIDE);
          expect(await isPaused()).toBe(false);
          expect(await app.settled(paused)).toMatchObject({ status: 'completed', attempts: 1 });
        });

        test('of a queue that no task names is an error, and makes no queue', async () => {
          await expect(elsewhere.pause('unknown')).rejects.toThrow(InvalidOptionError);
          await expect(elsewhere.resume('unknown')).rejects.toThrow(InvalidOptionError);
          await expect(elsewhere.list({ queue: 'unknown' })).rejects.toThrow(InvalidOptionError);
        });
      });

      describe('settled', () => {
        test('resolves for a task that another application runs, for all who wait', async () => {
          const { id, hold } = await app.hold();
          const record = (await elsewhere.find(id))!;
          const waiting = Promise.all([1, 2, 3].map(() => elsewhere.settledRecord(record)));
          hold.released.open();
          const settled = await waiting;
          expect(settled[0]).toMatchObject({ id, status: 'completed', result: 'released' });
          expect(settled).toEqual([settled[0], settled[0], settled[0]]);
          expect(await elsewhere.find(id)).toEqual(settled[0]);
          expect(await elsewhere.latest(record)).toEqual(settled[0]);
        });

        test('resolves for a task that is gone from its queue: nobody can tell that it had settled', async () => {
          const record: TaskRecord = {
            id: randomUUID(),
            name: 'Work.note',
            queue: WORK,
            status: 'pending',
            attempts: 0,
            createdAt: new Date(0).toISOString(),
          };
          const expected = {
            ...record,
            status: 'cancelled',
            finishedAt: expect.any(String),
            error: { name: 'TaskCancelledError', message: taskCancelled('Work.note', 'removed') },
          };
          expect(await elsewhere.settledRecord(record)).toEqual(expected);
          expect(await elsewhere.latest(record)).toEqual(expected);
          const { queue: _queue, ...ofNoQueue } = record;
          expect(await elsewhere.settledRecord(ofNoQueue)).toMatchObject({ status: 'cancelled' });
        });

        test('the handle of a task that TaskRunner starts has the record in the end', async () => {
          const { hold } = await app.hold();
          const cancelled = elsewhere.runner.start(Work, 'note', 'cancelled');
          const completed = elsewhere.runner.start(Work, 'note', 'completed');
          await elsewhere.finds(cancelled.id, { status: 'pending' });
          expect(cancelled.cancel()).toBe(true);
          expect(await cancelled.settled()).toMatchObject({ status: 'cancelled', attempts: 0 });
          hold.released.open();
          expect(await completed.settled()).toMatchObject({ status: 'completed', result: 1, attempts: 1 });
          expect(await completed.settled()).toEqual(await elsewhere.find(completed.id));
        });
      });
    });

    describe('from start to close', () => {
      test('after stopClaiming nothing new begins, what runs goes on, and another application runs the rest', async () => {
        const first = await Application.start(harness, { takes: [WORK] });
        onTestFinished(() => first.close());
        const { id: running, hold } = await first.hold();
        const waiting = await first.add(call('note'));
        first.stopClaiming();
        hold.released.open();
        expect(await first.settled(running)).toMatchObject({ status: 'completed', result: 'released' });
        expect(await first.find(waiting)).toMatchObject({ status: 'pending', attempts: 0 });
        await first.close();
        const second = await Application.start(harness, { takes: [WORK] });
        onTestFinished(() => second.close());
        expect(await second.settled(waiting)).toMatchObject({ status: 'completed', attempts: 1 });
        expect(runsOf(waiting).map(({ by }) => by)).toEqual([second.tasks]);
      });

      test('an attempt that outlasts the shutdown is released, uncounted, and another application runs it', async () => {
        const first = await Application.start(harness, { takes: [WORK], shutdownTimeout: 100 });
        onTestFinished(() => first.close());
        const { id, hold } = await first.hold();
        await first.close();
        expect(hold.wasAborted).toBe(true);
        hold.released.open();
        const between = await Application.start(harness);
        onTestFinished(() => between.close());
        expect(await between.find(id)).toMatchObject({ status: 'pending', attempts: 0 });
        await between.close();
        const second = await Application.start(harness, { takes: [WORK] });
        onTestFinished(() => second.close());
        await second.finds(id, { status: 'completed', attempts: 1, result: 'released' });
        expect(runsOf(id)).toMatchObject([{ attempt: 1 }, { attempt: 1 }]);
        expect(runsOf(id).map(({ by }) => by)).toEqual([first.tasks, second.tasks]);
      });

      test('close releases all that the application has opened', async () => {
        const app = await Application.start(harness, { takes: [WORK, SIDE, IDLE] });
        onTestFinished(() => app.close());
        expect(await app.settle(call('note'))).toMatchObject({ status: 'completed' });
        const { hold } = await app.hold();
        await app.cancel(await app.add(call('note')));
        hold.released.open();
        await app.close();
        const left = () => openedSince(resources).filter((it) => !harness.keepsOpen.includes(it));
        // A socket is closed a moment after its end. expect.poll would have a timer of its own open.
        for (let looks = 0; looks < 500 && left().length > 0; looks++) {
          await setTimeout(20);
        }
        expect(left()).toEqual([]);
      });

      test.runIf(harness.isShared)('two applications run each task once', async () => {
        const apps = [
          await Application.start(harness, { takes: [WORK, SIDE] }),
          await Application.start(harness, { takes: [WORK, SIDE] }),
        ] as const;
        onTestFinished(async () => {
          await Promise.all(apps.map((app) => app.close()));
        });
        const ids = await apps[0].addAll(Array.from({ length: 50 }, (_, i) => taskOf(call('note', i))));
        const records = await Promise.all(ids.map((id) => apps[1].settled(id)));
        expect(new Set(records.map(({ status, attempts }) => `${status} ${attempts}`))).toEqual(
          new Set(['completed 1']),
        );
        expect(runsOf(...ids)).toHaveLength(50);
      });

      test.runIf(harness.hasSchedules)(
        'a task that repeats runs once each time, for all applications, and is found like any other',
        async () => {
          const options = { takes: [TICKS], provider: Ticker };
          const apps: [Application, ...Application[]] = [await Application.start(harness, options)];
          if (harness.isShared) {
            apps.push(await Application.start(harness, options));
          }
          onTestFinished(async () => {
            await Promise.all(apps.map((app) => app.close()));
          });
          const ticks = () => runs.filter(({ by }) => apps.some((app) => app.tasks === by));
          await expect.poll(ticks, patience).toSatisfy((all: Run[]) => all.length >= 4);
          const ids = ticks().map(({ id }) => id);
          expect(new Set(ids).size).toBe(ids.length);
          await apps
            .at(-1)!
            .finds(ids[0]!, { name: 'Ticker.tick', status: 'completed', attempts: 1, result: 'ticked' });
          const [schedule, ...others] = await apps[0].schedules();
          expect(others).toEqual([]);
          expect(schedule).toMatchObject({ name: 'Ticker.tick', queue: TICKS, every: 200 });
          expect(Date.parse(schedule!.lastRun!)).toBeLessThanOrEqual(Date.now());
          expect(Date.parse(schedule!.next!)).toBeGreaterThan(Date.parse(schedule!.lastRun!));
          const times = ticks().map(({ at }) => at);
          // A second application does not add times of its own.
          expect((times.at(-1)! - times[0]!) / 200).toBeGreaterThan(times.length - 2);
        },
      );
    });
  });
}
