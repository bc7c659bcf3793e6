import { inspect } from 'node:util';
import {
  ClassSerializerInterceptor,
  Controller,
  Get,
  type INestApplication,
  type ModuleMetadata,
  SerializeOptions,
  UseInterceptors,
} from '@nestjs/common';
import { APP_INTERCEPTOR, Reflector } from '@nestjs/core';
import { type ClassTransformOptions, Expose, instanceToInstance, instanceToPlain } from 'class-transformer';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  BackgroundTasks,
  currentTask,
  Tasks,
  TaskRegistry,
  type BackgroundTask,
  type TaskEvent,
  type TaskRecord,
  type TaskRunner,
} from 'nestjs-background-tasks';
import { MemoryQueueModule } from './fixtures/memory-queue.ts';
import { startApp } from './fixtures/start-app.ts';

const SECRET = 'secret of a request';

class RequestError extends Error {
  override name = 'RequestError';
  config = { headers: { authorization: SECRET } };
}

const failing = () => {
  throw new RequestError('no', { cause: new TypeError('why') });
};

const json = (value: unknown) => JSON.parse(JSON.stringify(value)) as Record<string, unknown>;
/** A copy has no error: what a task threw may hold what no client may see. */
const keysOfCopy = ({ error: _error, ...record }: TaskRecord) => Object.keys(record).toSorted();

/** The own fields that are set. */
const setFields = (value: object) =>
  Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .map(([key]) => key)
    .toSorted();

/** As lodash and others copy an object: the same prototype, own enumerable properties. */
function cloneDeep<T>(value: T): T {
  if (typeof value !== 'object' || value === null || value instanceof Date || value instanceof Error) {
    return value;
  }
  const copy = Object.create(Object.getPrototypeOf(value) as object) as Record<string, unknown>;
  for (const key of Object.keys(value)) {
    copy[key] = cloneDeep((value as Record<string, unknown>)[key]);
  }
  return copy as T;
}

/** Handles in all states, with arguments that nobody may see. */
async function someHandles(runner: TaskRunner): Promise<BackgroundTask[]> {
  const work = (_secret: string) => {
    currentTask()?.updateProgress({ rows: 3 });
    return { pages: 7 };
  };
  const tasks = [
    runner.with({ delay: 60_000 }).start(work, SECRET),
    runner.start(work, SECRET),
    runner.start(failing),
    runner.with({ name: 'cancelled' }).start(work, SECRET),
  ];
  tasks[3]!.cancel();
  await Promise.all(tasks.slice(1).map((task) => task.settled()));
  expect(tasks.map(({ status }) => status)).toEqual(['pending', 'completed', 'failed', 'cancelled']);
  return tasks;
}

describe('a handle is a record', () => {
  const transforms: [string, ClassTransformOptions][] = [
    ['', {}],
    ['with excludeAll', { strategy: 'excludeAll' }],
    ['with excludeExtraneousValues', { excludeExtraneousValues: true }],
    ['with groups', { groups: ['admin'] }],
    ['without unset fields', { exposeUnsetFields: false }],
  ];

  test.each(transforms)("for class-transformer's instanceToPlain %s", async (_name, options) => {
    const { runner } = await startApp({});
    const handles = await someHandles(runner);
    for (const task of handles) {
      const record = json(task);
      if (options.strategy === 'excludeAll') {
        // It leaves nothing of any plain object.
        Object.assign(record, record['progress'] && { progress: {} }, record['result'] && { result: {} });
      }
      expect(json(instanceToPlain(task, options))).toEqual(record);
    }
    const nested = json(instanceToPlain({ tasks: handles }));
    expect(nested).toEqual(json({ tasks: handles }));
    expect(JSON.stringify(nested)).not.toContain(SECRET);
  });

  test('for JSON.stringify, an object spread, Object.entries, structuredClone and a deep copy', async () => {
    const { runner } = await startApp({});
    for (const task of await someHandles(runner)) {
      const expected = keysOfCopy(task.toJSON());
      expect(setFields(task)).toEqual(expected);
      expect(setFields({ ...(task as object) })).toEqual(expected);
      expect(setFields(structuredClone(task))).toEqual(expected);
      expect(structuredClone(task)).toMatchObject({ id: task.id, status: task.status, createdAt: task.createdAt });
      const copy = cloneDeep(task);
      expect(setFields(copy)).toEqual(expected);
      const { error: _error, ...record } = task.toJSON();
      expect(json(copy)).toMatchObject(record);
      expect(inspect(copy)).toContain(task.id);
      expect(JSON.stringify([{ ...(task as object) }, structuredClone(task), copy])).not.toContain(SECRET);
    }
  });

  test('for util.inspect', async () => {
    const { runner } = await startApp({});
    for (const task of await someHandles(runner)) {
      expect(inspect(task)).toBe(`BackgroundTask ${inspect(task.toJSON())}`);
      expect(inspect({ task }, { depth: 5 })).not.toContain(SECRET);
      expect(inspect({ a: { b: { task } } })).toContain('task: [BackgroundTask]');
      expect(inspect({ task }, { depth: Infinity, compact: true, breakLength: Infinity })).toBe(
        `{ task: BackgroundTask ${inspect(task.toJSON(), { depth: Infinity, compact: true, breakLength: Infinity })} }`,
      );
    }
    const task = runner.with({ attempts: 2 }).start(() => {
      if (currentTask()!.attempt === 1) {
        throw new Error('not yet');
      }
    });
    const shown: string[] = [];
    runner.events.subscribe(({ type }) => type === 'retrying' && shown.push(inspect(task)));
    await task.settled();
    expect(shown).toEqual([expect.stringContaining('error')]);
    expect(inspect(task)).not.toContain('error');
  });

  test('if the task is in its own result', async () => {
    const { runner } = await startApp({});
    const holder: { first?: BackgroundTask; again?: BackgroundTask; other?: BackgroundTask } = {};
    holder.first = holder.again = runner.start(() => holder);
    holder.other = runner.start(() => holder);
    await runner.drain();
    expect(inspect(holder, { depth: Infinity }).length).toBeLessThan(5_000);
    expect(inspect(holder, { depth: Infinity })).toContain('[Circular *1]');
    const { result: _result, ...others } = holder.first.toJSON();
    expect(others).toMatchObject({ id: holder.first.id, status: 'completed' });
    expect(JSON.stringify(holder).length).toBeLessThan(5_000);
    expect(json(holder.first)).toHaveProperty('resultOmitted');
    // What was left out in the middle of it is there again.
    const holdsOne = runner.start(() => [holder.other]);
    await holdsOne.settled();
    expect(holdsOne.toJSON().result).toMatchObject([{ id: holder.other.id }]);
  });

  test('for a copy that was JSON', async () => {
    const { runner } = await startApp({});
    for (const task of await someHandles(runner)) {
      const { error: _error, ...record } = json(task);
      const copy: unknown = Object.setPrototypeOf({ ...record }, Object.getPrototypeOf(task) as object);
      expect(json(copy)).toEqual(record);
    }
  });

  test('for a copy that class-transformer makes', async () => {
    const { runner } = await startApp({});
    for (const task of await someHandles(runner)) {
      const { task: copy } = instanceToInstance({ task });
      const { error: _error, ...record } = task.toJSON();
      expect(json(copy)).toEqual(record);
      expect(inspect(copy)).toContain(task.id);
      expect(copy.error).toBeUndefined();
    }
  });

  test('for a schema of zod', async () => {
    const { runner } = await startApp({});
    const schema = z.strictObject({
      id: z.uuid(),
      name: z.string(),
      queue: z.string().optional(),
      status: z.string(),
      attempts: z.int(),
      createdAt: z.coerce.date(),
      startedAt: z.coerce.date().optional(),
      finishedAt: z.coerce.date().optional(),
      progress: z.unknown(),
      result: z.unknown(),
      error: z.object({ name: z.string(), message: z.string() }).optional(),
    });
    for (const task of await someHandles(runner)) {
      const { createdAt } = task;
      expect(schema.parse(task)).toMatchObject({ id: task.id, status: task.status, createdAt });
      expect(JSON.stringify(schema.parse(task))).not.toContain(SECRET);
    }
  });

  test('for all of them, if it is the handle of a durable task', async () => {
    const { runner } = await startApp({ imports: [MemoryQueueModule] });
    const task = runner.start(async function durable() {});
    await task.stored();
    const record = json(task);
    expect(record).toMatchObject({ id: task.id, name: 'durable', queue: 'memory', status: 'pending' });
    expect(json(instanceToPlain(task))).toEqual(record);
    expect(json(instanceToPlain(task, { strategy: 'excludeAll' }))).toEqual(record);
    expect(json(structuredClone(task))).toEqual(record);
    expect(json({ ...(task as object) })).toEqual(record);
    expect(inspect(task)).toBe(`BackgroundTask ${inspect(task.toJSON())}`);
  });
});

test('nothing that the application does to a handle changes its task', async () => {
  const { app, runner } = await startApp({});
  let tries = 0;
  const task = runner.with({ attempts: 2 }).start(() => {
    tries++;
    if (tries === 1) {
      throw new Error('once');
    }
    return tries;
  });
  const events: TaskEvent[] = [];
  runner.events.subscribe((event) => events.push(event));
  Object.freeze(task);
  await runner.drain();
  expect(events).toContainEqual(expect.objectContaining({ type: 'started', wait: expect.any(Number) as number }));
  expect(events.at(-1)).toMatchObject({ type: 'completed', run: expect.any(Number) as number });
  const record = { status: 'completed', attempts: 2, result: 2 };
  expect(await task.settled()).toMatchObject(record);
  expect(await app.get(TaskRegistry).get(task.id)).toMatchObject(record);
  const changed = runner.start(() => 'done');
  Object.assign(changed, { status: 'running', attempts: 7 });
  expect(await changed.settled()).toMatchObject({ status: 'completed', attempts: 1 });
  expect(changed).toMatchObject({ status: 'completed', attempts: 1 });
  expect(() => Object.assign(changed, { id: 'other' })).toThrow(TypeError);
});

class Answer {
  @Expose() task!: BackgroundTask;
  @Expose() tasks!: BackgroundTask[];
  secret = SECRET;
}

const answer = (task: BackgroundTask) => Object.assign(new Answer(), { task, tasks: [task] });

@Controller()
class HandlesController {
  @Get('alone')
  alone(@Tasks() tasks: BackgroundTasks) {
    return tasks.addTask(failing);
  }

  @Get('list')
  list(@Tasks() tasks: BackgroundTasks) {
    return [tasks.addTask(failing)];
  }

  @Get('object')
  object(@Tasks() tasks: BackgroundTasks) {
    return { task: tasks.addTask(failing), tasks: tasks.tasks };
  }

  @Get('exposed')
  @SerializeOptions({ strategy: 'excludeAll' })
  exposed(@Tasks() tasks: BackgroundTasks) {
    return answer(tasks.addTask(failing));
  }

  @Get('extraneous')
  @SerializeOptions({ excludeExtraneousValues: true })
  extraneous(@Tasks() tasks: BackgroundTasks) {
    return answer(tasks.addTask(failing));
  }
}

@Controller('own')
@UseInterceptors(ClassSerializerInterceptor)
class OwnInterceptorController extends HandlesController {}

const global = { provide: APP_INTERCEPTOR, useClass: ClassSerializerInterceptor };
const mounted = (app: INestApplication) =>
  app.useGlobalInterceptors(new ClassSerializerInterceptor(app.get(Reflector)));

const servers: [string, ModuleMetadata, ((app: INestApplication) => void)?][] = [
  ['no interceptor', { controllers: [HandlesController] }],
  ['a global ClassSerializerInterceptor', { controllers: [HandlesController], providers: [global] }],
  ['useGlobalInterceptors', { controllers: [HandlesController] }, mounted],
  ['that of one controller', { controllers: [OwnInterceptorController] }],
];

test.each(servers)('a client gets records: %s', async (name, metadata, configure) => {
  const prefix = metadata.controllers!.includes(OwnInterceptorController) ? 'own/' : '';
  const { url, app } = await startApp(metadata, {}, configure);
  const fetched = async (path: string): Promise<unknown> => (await fetch(`${url}/${prefix}${path}`)).json();
  const record = {
    id: expect.stringMatching(/^[\da-f-]{36}$/) as string,
    name: 'failing',
    status: 'pending',
    attempts: 0,
    createdAt: expect.stringMatching(/^\d{4}-.*Z$/) as string,
  };
  expect(await fetched('alone')).toEqual(record);
  expect(await fetched('list')).toEqual([record]);
  const both = { task: record, tasks: [record] };
  expect(await fetched('object')).toEqual(both);
  const exposed = name === 'no interceptor' ? { ...both, secret: SECRET } : both;
  expect(await fetched('exposed')).toEqual(exposed);
  expect(await fetched('extraneous')).toEqual(exposed);
  const { id } = (await fetched('alone')) as { id: string };
  expect(await app.get(TaskRegistry).get(id)).toMatchObject({ id });
});
